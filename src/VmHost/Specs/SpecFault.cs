namespace VmHost.Specs;

/// <summary>One thing that is wrong with a request.</summary>
/// <param name="Field">The field's name in the API, such as <c>spec.published_ports[0].host_port</c>.</param>
/// <param name="Message">
/// One line that says what is wrong, why, and the cure. Whatever it shows of the input is escaped and cut short.
/// </param>
public sealed record SpecFault(string Field, string Message)
{
    /// <summary><c>FIELD: MESSAGE</c>.</summary>
    public override string ToString() => $"{Field}: {Message}";
}
