"""The vendors' sandbox as the Procfile starts it: its worlds are kept in DATA_DIR."""

from bot.settings import settings
from connectors.sandbox.app import create_app

app = create_app(settings().data_dir / "sandbox")
