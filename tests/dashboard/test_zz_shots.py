from tests.dashboard.test_browser import *
from tests.dashboard.conftest import *
def test_shots(open_desk, troubled, scene):
    from tests.dashboard.test_unsubscribe import link_of
    link = link_of(scene["Marine"])
    for name, size, scheme in (("d", DESKTOP, "light"), ("t", LANDSCAPE, "dark"), ("p", PHONE, "light"), ("v", PORTRAIT, "light")):
        page = open_desk(size, scheme=scheme, email="olga@example.com")
        for path in ("incidents", "templates", "conversations/1", "conversations/2"):
            page.goto("/desk/" + path)
            page.screenshot(path=f"/tmp/shots/{name}-{path.replace('/','-')}.png")
        page.goto("/demo/phone?channel=whatsapp"); page.screenshot(path=f"/tmp/shots/{name}-phone.png")
        page.goto(link); page.screenshot(path=f"/tmp/shots/{name}-unsub.png")
