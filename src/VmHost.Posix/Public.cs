namespace VmHost.Posix;

// VmHost.Client compiles these types a second time, for a package without an unpublished dependency. There they are
// internal, so that a program which references both projects sees one of each.
public static partial class Errno;

public readonly partial record struct PeerCredentials;

public static partial class User;
