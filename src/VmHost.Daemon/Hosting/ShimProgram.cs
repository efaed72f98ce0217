using VmHost.Specs;

namespace VmHost.Daemon.Hosting;

/// <summary>Finds the shim: beside the daemon, unless it was named.</summary>
internal static class ShimProgram
{
    private const string Name = "vmhost-shim";

    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: it is not there.</exception>
    internal static string Find(string named)
    {
        var path = named.Length > 0 ? named : Path.Combine(AppContext.BaseDirectory, Name);
        return File.Exists(path)
            ? path
            : throw new VmHostException(VmHostError.FailedPrecondition, $"{path} is not there; put {Name} beside vmhostd or name it with --shim");
    }
}
