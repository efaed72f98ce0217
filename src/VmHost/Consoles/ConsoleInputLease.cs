using System.Security.Cryptography;
using System.Text;

namespace VmHost.Consoles;

/// <summary>A lease on the console's input.</summary>
public sealed class ConsoleInputLease
{
    internal ConsoleInputLease(string holder, string token, DateTimeOffset since)
    {
        (Holder, Token, Since) = (holder, token, since);
        Session = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(token)).AsSpan(0, 16));
    }

    /// <summary>Name of the client, for people.</summary>
    public string Holder { get; }

    /// <summary>When it was granted.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>Known to the client only.</summary>
    internal string Token { get; }

    /// <summary>Made of the token: the shim identifies the client's input by it, also after a restart of the daemon.</summary>
    internal Guid Session { get; }
}
