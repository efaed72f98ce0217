namespace VmHost.Posix.Tables;

/// <summary>Where the values of a row come from.</summary>
/// <param name="expression">The C expression that has the value; on macOS too, unless its source says otherwise.</param>
/// <param name="xnu">File and line in apple-oss-distributions/xnu; empty for a value that macOS does not have.</param>
[AttributeUsage(AttributeTargets.Field)]
internal sealed class HeaderAttribute(string expression, string xnu = "") : Attribute
{
    internal string Expression { get; } = expression;

    internal string Xnu { get; } = xnu;
}
