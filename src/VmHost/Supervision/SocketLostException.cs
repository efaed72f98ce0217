namespace VmHost.Supervision;

/// <summary>A shim that lives has lost its control socket and does not make it again.</summary>
/// <param name="message">Why, for a person.</param>
internal sealed class SocketLostException(string message) : IOException(message);
