"""The page's words in English and in Chinese, where the book's own terms stand: 隐状态, 记忆元, 遗忘门, 困惑度."""

from markupsafe import Markup, escape

CHINESE = {
    "LSTM parity": "LSTM 一致性报告",
    "Skip to the results": "跳到结果",
    "Everything that was asked for passes.": "要求检查的全部通过。",
    "Something fails.": "有未通过的项目。",
    "made": "生成于",
    "limit": "上限",
    "quantities compared": "个量已比较",
    "largest ratio": "最大比值",
    "Colours": "配色",
    "The verdict": "结论",
    "Worst ratio of each check. A cell leads to its results, a failing one to its cause.":
        "每项检查的最大比值。点单元格看它的结果；未通过的单元格通向原因。",
    "What the words in it mean": "表中用语说明",
    "Judged before; nothing that it rests on has changed since:": "先前已评判，所依据的一切此后没有改变：",
    "What fails, and why": "哪里出错，为什么",
    "checks": "检查",
    "where": "位置",
    "source": "源代码",
    "copy": "复制",
    "Ratio of every quantity at every time step": "每个时间步上每个量的比值",
    "All ratios beside the limit": "所有比值与上限",
    "Each point is one compared quantity; about 1 is rounding alone, the dashed line is the limit.":
        "每个点是一个被比较的量；约为 1 说明只有舍入误差，虚线是上限。",
    "Training beside the truth": "训练过程与真值",
    "The losses of all minibatches; the grey line is the truth.": "所有小批量的损失；灰线是真值。",
    "course": "训练过程",
    "Results": "结果",
    "backend": "后端",
    "implementation": "实现",
    "check": "检查",
    "case": "用例",
    "precision": "精度",
    "quantity": "量",
    "ratio": "比值",
    "error": "误差",
    "spread": "舍入范围",
    "verdict": "判定",
    "search": "搜索",
    "show more": "显示更多",
    "Compared with": "对比",
    "Nothing differs beyond rounding.": "除舍入外没有差别。",
    "beyond rounding": "超出舍入",
    "Not judged": "未评判",
    "Nothing was left out.": "没有遗漏。",
    "Environments": "运行环境",
}


def say(text: str) -> Markup:
    """Both, one of which is shown.

    Raises:
        KeyError: it has no Chinese.
    """
    return Markup('<span lang="en">{}</span><span lang="zh-CN">{}</span>').format(escape(text), CHINESE[text])
