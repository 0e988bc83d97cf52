"""How gunicorn serves `web` (found by its name in the folder it starts from). The sandbox's line
in the Procfile overrides what differs for it."""

from bot.settings import settings

wsgi_app = "wsgi:app"
bind = f"{settings().host}:{settings().port}"
worker_class = "gthread"
workers = settings().web_workers
threads = settings().web_threads  # few: on two cores sixteen threads hurt the slowest answers
accesslog = None
control_socket_disable = True
graceful_timeout = 4  # honcho kills after 5
