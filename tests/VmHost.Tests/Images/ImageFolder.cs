using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace VmHost.Tests.Images;

/// <summary>A real temporary folder with boot files and what may stand in their place; removed at the end.</summary>
internal sealed class ImageFolder : IDisposable
{
    private readonly List<Socket> _sockets = [];

    public string Root { get; } = Directory.CreateTempSubdirectory("vmhost-images-").FullName;

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(Path(name), text);
        return Path(name);
    }

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(Path(name), content);
        return Path(name);
    }

    public string WriteKernel(string name) => Write(name, new BzImageBuilder().Build());

    /// <summary>A file of this size that takes no room on the disk.</summary>
    public string WriteSparse(string name, long size)
    {
        using var file = File.Create(Path(name));
        file.SetLength(size);
        return Path(name);
    }

    /// <summary>A whole triple; returns its prefix.</summary>
    public string WriteTriple(string name, string kernelSuffix = "-kernel", string commandLine = "console=ttyS0\n")
    {
        WriteKernel(name + kernelSuffix);
        Write(name + "-initrd.img", "ramdisk");
        Write(name + "-cmdline", commandLine);
        return Path(name);
    }

    /// <summary>Without a writer, so that whoever opens it and waits does so for ever.</summary>
    public string MakeFifo(string name)
    {
        if (MkFifo(Path(name), 0x180) != 0)
            throw new IOException($"mkfifo: {Marshal.GetLastPInvokeErrorMessage()}");
        return Path(name);
    }

    public string MakeSocket(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _sockets.Add(socket);
        socket.Bind(new UnixDomainSocketEndPoint(Path(name)));
        return Path(name);
    }

    public string Link(string name, string target)
    {
        File.CreateSymbolicLink(Path(name), target);
        return Path(name);
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        Directory.Delete(Root, recursive: true);
    }

    [DllImport("libc", EntryPoint = "mkfifo", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MkFifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
}
