"""The page's words in English and in Chinese, where the book's own terms stand: 隐状态, 记忆元, 遗忘门, 困惑度.

Names stay as they are in the code: of checks, cases, quantities and mistakes; and what the judge says in sentences.
"""

from markupsafe import Markup, escape

CHINESE = {
    "LSTM parity": "LSTM 一致性报告",
    "LSTM parity: fails": "LSTM 一致性报告：未通过",
    "Skip to the results": "跳到结果",
    "Everything that was asked for passes.": "所要求的检查全部通过。",
    "Something fails.": "有未通过的项目。",
    "made": "生成于",
    "limit": "上限",
    "compared quantities:": "已比较的量：",
    "largest ratio": "最大比值",
    "Dark or light": "深色或浅色",
    "The verdict": "结论",
    "Worst ratio of each check. A cell leads to its results, a failing one to its cause.":
        "每项检查的最大比值。点击单元格看它的结果，点击未通过的单元格看原因。",
    "What the words in it mean": "表中用语说明",
    "Judged before; nothing that it rests on has changed since:": "沿用先前的结论（所依据的内容未变）：",
    "Only a part was asked for:": "只要求检查一部分：",
    "What fails, and why": "哪里出错，为什么",
    "checks": "检查",
    "farthest from the truth": "离真值最远",
    "times the limit": "倍于上限",
    "where it begins": "从哪里开始",
    "source": "源代码",
    "copy": "复制",
    "copied": "已复制",
    "reproduce": "重现",
    "again": "再检查一次",
    "Ratio of every quantity at every time step, the redder the further over the limit; grey is within it.":
        "每个时间步上每个量的比值，越红超出上限越多，灰色在上限之内。",
    "The same as a table": "用表格显示",
    "All ratios beside the limit": "所有比值与上限",
    "Each point is one compared quantity; about 1 is rounding alone, the dashed line is the limit. At the right edge: "
    "1e9 and more, or no number.":
        "每个点是一个被比较的量；约为 1 说明只有舍入误差，虚线是上限。右边缘上的点是 1e9 以上或不是数。",
    "Training beside the truth": "训练过程与真值",
    "The losses of all minibatches; the grey line is the truth.": "所有小批量的损失，灰线是真值。",
    "course": "训练过程",
    "Results": "结果",
    "backend": "后端",
    "implementation": "实现",
    "cell": "单元",
    "check": "检查",
    "case": "用例",
    "precision": "精度",
    "quantity": "量",
    "ratio": "比值",
    "error": "误差",
    "spread": "舍入范围",
    "verdict": "结论",
    "search": "搜索",
    "show more": "显示更多",
    "Compared with": "对比",
    "Nothing differs beyond rounding.": "除舍入误差外没有差别。",
    "beyond rounding": "超出舍入误差",
    "not in the earlier report": "先前的报告里没有",
    "Not judged": "未评判",
    "Nothing was left out.": "没有遗漏。",
    "Environments": "运行环境",
    # of the charts
    "ratio: error over rounding spread": "比值：误差除以舍入范围",
    "agrees": "相符",
    "fails": "未通过",
    "minibatch": "小批量",
    "loss, nats a token": "损失（每个词元，奈特）",
    "loss": "损失",
    "who": "实现",
    "time step": "时间步",
    "powers of ten over the limit": "超出上限的数量级",
    # of the tables
    "version": "版本",
    "time": "用时",
    "ok": "相符",
    "pass": "通过",
    "pass (part)": "通过（部分）",
    "fail": "未通过",
    "fail (part)": "未通过（部分）",
    "crashed": "崩溃",
    "not run": "未运行",
    "WRONG": "错误",
    "FAIL": "未通过",
    "NOT SETTLED": "无法断定",
    "ROUNDING": "舍入",
    "mathematics": "数学错误",
    "rounding": "舍入",
    "not settled": "无法断定",
    "shared": "共用参考实现",
    "absent": "不具备",
    "not given": "未提供",
    # of what other commands leave
    "Benchmark": "基准测试",
    "Several workers": "多个工作进程",
    "Port": "移植",
    "Versions": "各版本",
    "median": "中位数",
    "interquartile": "四分位距",
    "minimum": "最小值",
    "first call": "首次调用",
    "tokens/s": "词元/秒",
    "× floor": "下限的倍数",
    "vs concise": "相对简洁实现",
    "vs NumPy fused": "相对 NumPy 融合实现",
    "framework": "框架",
    "name": "名称",
    "role": "角色",
    "of which": "其中",
    "in words": "说明",
    "in the judge's words": "评判程序的说明",
    "line": "代码行",
}


def say(text: str) -> Markup:
    """Both, one of which is shown.

    Raises:
        KeyError: it has no Chinese.
    """
    return Markup('<span lang="en">{}</span><span lang="zh-CN">{}</span>').format(escape(text), CHINESE[text])


def known(text: str) -> Markup:
    """Both where the text, its end or what is before its colon has Chinese; else the text."""
    number, _, kind = text.partition(" ")
    title, colon, rest = text.partition(": ")
    if text in CHINESE:
        return say(text)
    if kind in CHINESE:  # a ratio and what is wrong
        return escape(number) + " " + say(kind)
    return say(title) + colon + escape(rest) if colon and title in CHINESE else escape(text)
