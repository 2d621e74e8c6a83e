"""The office's pages: clerks and the DSB. Templates in ``templates/office``; the look is that of ``web.pages``."""
