using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using VmHost.Daemon.Api;
using VmHost.Daemon.Hosting.Authority;
using VmHost.Hypervisors;
using VmHost.Hypervisors.Diagnosis;
using VmHost.Images;
using VmHost.Machines;
using VmHost.Machines.Events;
using VmHost.Posix;
using VmHost.ShimContract.Journal;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Daemon.Hosting;

/// <summary>Puts the daemon together.</summary>
internal static class Composition
{
    private const int MaxStreamsPerConnection = 100;

    // Of this process itself: libraries, the log, the listener.
    private const int ReservedFiles = 64;

    // Open streams end at once when the daemon stops; nothing else takes long.
    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(5);

    /// <summary>Takes the state directory and the socket, and makes the daemon ready to run.</summary>
    /// <exception cref="OptionsValidationException">A setting is out of range.</exception>
    /// <exception cref="Specs.VmHostException">A directory cannot be used, or another daemon has it.</exception>
    internal static WebApplication Build(Dictionary<string, string?> settings)
    {
        // The empty builder: the others read appsettings.json, which takes an inotify instance, and take listeners from that file
        // and from the environment (Kestrel__Endpoints__…, ASPNETCORE_URLS, DOTNET_URLS), which would have no peer check.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions
        {
            // The default is the current directory, which may be missing.
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.AddInMemoryCollection(settings);
        AddLogging(builder.Logging);

        var services = builder.Services;
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<DaemonOptions>, DaemonOptionsValidator>();
        services.AddSingleton<IValidateOptions<DaemonOptions>, DaemonPathsValidator>();
        services.AddOptions<DaemonOptions>().BindConfiguration("VmHost").ValidateOnStart();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownLimit);
        AddEngine(services);

        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = RequestSize.MaxReceivedBytes;
            grpc.Interceptors.Add<MalformedRequest>();
            grpc.Interceptors.Add<ErrorInterceptor>();
        });
        services.AddSingleton<MalformedRequest>();
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks().AddCheck<StateDirectoryCheck>("state-directory");
        services.AddHostedService<MachineLoader>();
        services.AddSingleton<ConnectionEnds>();
        services.AddOptions<SocketTransportOptions>().Configure<ListeningSocket>(static (transport, socket) => transport.CreateBoundListenSocket = socket.ToListen);

        builder.WebHost.UseKestrelCore().ConfigureKestrel(ConfigureKestrel);

        var app = builder.Build();

        // Before the server binds: nothing is touched unless both are ours.
        _ = app.Services.GetRequiredService<StateDirectory>();
        _ = app.Services.GetRequiredService<ListeningSocket>();
        _ = app.Services.GetRequiredService<ConnectionEnds>();

        app.Use(PeerRefusal.Middleware);
        app.Use(app.Services.GetRequiredService<MalformedRequest>().CheckAsync);
        app.MapGrpcService<MachineApi>();
        app.MapGrpcService<ConsoleApi>();
        app.MapGrpcService<HostApi>();
        app.MapGrpcService<EventApi>();
        app.MapGrpcHealthChecksService();
        app.MapGrpcReflectionService();
        return app;
    }

    private static void AddLogging(ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.UseUtcTimestamp = true;
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });

        logging.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            // stdout stays free: a log belongs on stderr.
            console.LogToStandardErrorThreshold = LogLevel.Trace;

            // By default a full queue blocks its writers: a log without a reader would stop the daemon. The logger counts
            // the dropped messages and reports their number with the next message that finds room.
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Grpc", LogLevel.Warning);

        // Errors of the calls' code are logged where they become statuses; what is left is a stack for each malformed request.
        logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.None);
        logging.AddFilter("System", LogLevel.Warning);
    }

    private static void AddEngine(IServiceCollection services)
    {
        services.AddSingleton(all => StateDirectory.Open(Options(all).StateDir, Time(all)));
        services.AddSingleton(all =>
        {
            _ = all.GetRequiredService<StateDirectory>();   // the state directory first, whatever asks for the socket
            return ListeningSocket.Take(Options(all), Time(all));
        });
        services.AddSingleton<MachineStore>();
        services.AddSingleton(all => new EventLog(all.GetRequiredService<StateDirectory>().Events, Time(all), all.GetRequiredService<ILogger<EventLog>>()));
        services.AddSingleton<ShimReaper>();
        services.AddSingleton<BackgroundTasks>();
        services.AddSingleton<FileDigests>();
        services.AddSingleton(all => new HypervisorEnvironment(Options(all).PassEnv));
        services.AddSingleton(all => new HostProbe(ProgramsOf(Options(all), all.GetRequiredService<HypervisorEnvironment>()), Time(all)));
        services.AddSingleton(all => new HostDiagnosis(all.GetRequiredService<HostProbe>(), PlacesOf(Options(all)), Time(all)));
        services.AddSingleton(all => new ShimLauncher(ShimProgram.Find(Options(all).Shim), all.GetRequiredService<HypervisorEnvironment>(), all.GetRequiredService<ShimReaper>()));
        services.AddSingleton(all => new MachineServices
        {
            Store = all.GetRequiredService<MachineStore>(),
            Host = all.GetRequiredService<HostProbe>(),
            Launcher = all.GetRequiredService<ShimLauncher>(),
            Background = all.GetRequiredService<BackgroundTasks>(),
            Digests = all.GetRequiredService<FileDigests>(),
            Claims = new(Options(all).MaxMemory),
            Space = new(all.GetRequiredService<StateDirectory>(), new(Options(all).MinFreeBytes)),
            Events = all.GetRequiredService<EventLog>(),
            MaxMachines = Options(all).MaxMachines,
            RunDirectory = Options(all).RunDir,
            Journal = JournalOf(Options(all).ConsoleBytes),
            Time = Time(all),
            Log = all.GetRequiredService<ILogger<Machine>>(),
        });
        services.AddSingleton<MachineTable>();
        services.AddSingleton<MachineFactory>();
        services.AddSingleton<MachineRegistry>();
        services.AddSingleton<RequestMemory>();
    }

    private static void ConfigureKestrel(KestrelServerOptions kestrel)
    {
        var options = Options(kestrel.ApplicationServices);
        kestrel.Limits.MaxConcurrentConnections = Math.Min(options.MaxConnections, ConnectionsWithin(ResourceLimit.OpenFiles));
        kestrel.Limits.Http2.MaxStreamsPerConnection = MaxStreamsPerConnection;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(options.ClientTimeoutSeconds) * 3 / 4;
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(options.ClientTimeoutSeconds) / 4;
        kestrel.AddServerHeader = false;
        kestrel.ListenUnixSocket(options.SocketPath, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(PeerCheck.Middleware(Time(kestrel.ApplicationServices), kestrel.ApplicationServices.GetRequiredService<ILogger<PeerCheck>>()));
            listen.Use(PrefaceLimit.Middleware(
                TimeSpan.FromSeconds(options.ClientTimeoutSeconds), Time(kestrel.ApplicationServices), kestrel.ApplicationServices.GetRequiredService<ILogger<PrefaceLimit>>()));
            listen.Use(AuthorityRewriter.Middleware(Time(kestrel.ApplicationServices), kestrel.ApplicationServices.GetRequiredService<ILogger<AuthorityRewriter>>()));
        });
    }

    // The other half is for machines and their records: with none left, an accept fails over and over, and so does all else.
    private static long ConnectionsWithin(long openFiles) => Math.Max((openFiles - ReservedFiles) / 2, 1);

    private static HypervisorPrograms ProgramsOf(DaemonOptions options, HypervisorEnvironment environment)
    {
        static string? Given(string path) => path.Length > 0 ? path : null;
        return new(Given(options.Qemu), Given(options.Xhyve), Given(options.HyperKit), Given(options.Vfkit)) { Accelerator = Given(options.Accelerator), Environment = environment };
    }

    private static DaemonPlaces PlacesOf(DaemonOptions options) =>
        new(options.StateDir, options.RunDir, options.SocketPath, new string('0', MachineId.Length));

    // Eight segments: what is dropped at the cap is an eighth of it.
    private static JournalLimits JournalOf(long bytes) => new(bytes, bytes / 8);

    private static DaemonOptions Options(IServiceProvider services) => services.GetRequiredService<IOptions<DaemonOptions>>().Value;

    private static TimeProvider Time(IServiceProvider services) => services.GetRequiredService<TimeProvider>();
}
