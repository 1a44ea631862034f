using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Etcd;

namespace Cloister.Cli.Doctor;

/// <summary>What checks look at. Each thing is asked for once, when the first check needs it; what asks can be replaced by tests.</summary>
internal sealed class DoctorScope
{
    private readonly Lazy<Task<IReadOnlyList<KmsFacts>>> _kms;
    private readonly Lazy<Task<IReadOnlyList<EnclaveFacts>>> _enclaves;
    private readonly Lazy<JsonObject?> _configuration;
    private readonly Lazy<ApiServerFacts?> _apiServer;
    private readonly Lazy<IReadOnlyList<SystemdUnit>> _units;
    private readonly Lazy<Task<CoverageReport>> _coverage;
    private readonly Lazy<Task<BrokerFacts>> _broker;

    internal DoctorScope(DoctorSettings settings)
    {
        Settings = settings;
        _kms = new(async () => await Task.WhenAll(KmsSockets.Select(AskKms!)));
        _enclaves = new(async () => await Task.WhenAll(AdminSockets.Select(AskEnclave!)));
        _configuration = new(ReadConfiguration);
        _apiServer = new(() => Host.Text(Settings.ApiServer ?? DoctorSettings.DefaultApiServer) is { } text ? ApiServerFacts.Read(text)
            : Settings.ApiServer is { } named ? throw new FileNotFoundException($"{named} is not there") : null);
        _units = new(() => [.. SystemdUnit.Names.Select(name => SystemdUnit.Read(Host, name)).OfType<SystemdUnit>()]);
        _coverage = new(() => AskCoverage(this));
        _broker = new(() => AskBroker(Settings.Broker!));
    }

    internal DoctorSettings Settings { get; }

    internal HostFiles Host { get; init; } = new("/");

    internal DateTimeOffset Now { get; init; } = TimeProvider.System.GetUtcNow();

    internal Func<KernelClock> Clock { get; init; } = KernelClock.Read;

    internal Func<string, Task<KmsFacts>> AskKms { get; init; } = KmsFacts.AskAsync;

    internal Func<string, Task<EnclaveFacts>> AskEnclave { get; init; } = EnclaveFacts.AskAsync;

    internal Func<DoctorScope, Task<CoverageReport>> AskCoverage { get; init; } = Checks.EtcdChecks.ScanAsync;

    internal Func<string, Task<BrokerFacts>> AskBroker { get; init; } = BrokerFacts.AskAsync;

    /// <summary>Runs a program of this machine: its exit code and standard output.</summary>
    internal Func<string, string[], CancellationToken, Task<(int ExitCode, string Output)>> Run { get; init; } = RunAsync;

    internal Task<IReadOnlyList<KmsFacts>> KmsAsync() => _kms.Value;

    internal Task<IReadOnlyList<EnclaveFacts>> EnclavesAsync() => _enclaves.Value;

    /// <summary>What etcd holds.</summary>
    /// <exception cref="SkippedException">No etcd was named.</exception>
    internal Task<CoverageReport> CoverageAsync() => Settings.Etcd is null ? throw new SkippedException("no etcd was named: --endpoints, --cacert, --cert, --key") : _coverage.Value;

    /// <summary>What a broker says to its administrator.</summary>
    /// <exception cref="SkippedException">No broker was named.</exception>
    internal Task<BrokerFacts> BrokerAsync() => Settings.Broker is null ? throw new SkippedException("no broker was named: --context FILE of an administrator") : _broker.Value;

    /// <summary>Path of the enclave's configuration.</summary>
    internal string ConfigurationPath => Settings.Configuration ?? DoctorSettings.DefaultConfiguration;

    /// <summary>The enclave's configuration.</summary>
    /// <exception cref="SkippedException">There is none here, and none was named.</exception>
    internal JsonObject Configuration => _configuration.Value ?? throw new SkippedException($"{DoctorSettings.DefaultConfiguration} is not there, and --config names no other");

    /// <summary>The API server's command line and mounts.</summary>
    /// <exception cref="SkippedException">There is none here, and none was named.</exception>
    internal ApiServerFacts ApiServer => _apiServer.Value ?? throw new SkippedException($"{DoctorSettings.DefaultApiServer} is not there, and --apiserver names no other");

    /// <summary>The units of this node that are installed.</summary>
    internal IReadOnlyList<SystemdUnit> Units => _units.Value;

    internal IReadOnlyList<string> KmsSockets => Settings.Sockets.Count > 0 ? Settings.Sockets
        : !TryConfiguration(out JsonObject? configuration) ? [DoctorSettings.DefaultKmsSocket]
        : configuration["kms"] is null ? []
        : [UnixPath(configuration["kms"]) ?? DoctorSettings.DefaultKmsSocket];

    // With a KMS socket that was named, an admin socket somewhere else would be another enclave's.
    internal IReadOnlyList<string> AdminSockets => Settings.AdminSockets.Count > 0 ? Settings.AdminSockets
        : Settings.Sockets.Count > 0 ? []
        : TryConfiguration(out JsonObject? configuration) ? (UnixPath(configuration["admin"]) is { } path ? [path] : [])
        : Host.Exists(DoctorSettings.DefaultAdminSocket) ? [DoctorSettings.DefaultAdminSocket]
        : [];

    /// <summary>The EncryptionConfiguration: as named, or as the API server's command line names it.</summary>
    /// <exception cref="SkippedException">Neither.</exception>
    internal (string Path, EncryptionConfiguration? Configuration, IReadOnlyList<string> Errors) Encryption()
    {
        ApiServerFacts? server = _apiServer.Value;
        string path = Settings.EncryptionConfiguration ?? server?.OnHost(server.Flag("encryption-provider-config") ?? "")
            ?? throw new SkippedException("no EncryptionConfiguration: --encryption-config names one, or the API server's manifest");
        string text = Host.Text(path) ?? throw new FileNotFoundException($"{path} is not there");
        bool reload = Settings.AutomaticReload || server?.Flag("encryption-provider-config-automatic-reload") == "true";
        bool kmsV1 = Settings.KmsV1 || (server?.Flag("feature-gates") ?? "").Split(',').Contains("KMSv1=true");
        (EncryptionConfiguration? configuration, IReadOnlyList<string> errors) = EncryptionConfigurationReader.Read(text, reload, kmsV1);
        return (path, configuration, errors);
    }

    /// <summary>The path in <c>listen: unix:PATH</c> of a section; null: no unix socket.</summary>
    internal static string? UnixPath(JsonNode? section) =>
        Text(section, "listen") is { } listen && listen.StartsWith("unix:", StringComparison.Ordinal) ? listen["unix:".Length..] : null;

    /// <summary>A text of a section; null: none.</summary>
    internal static string? Text(JsonNode? section, string name) => section is JsonObject fields && fields[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>Texts of a list, or the one text in its place.</summary>
    internal static IReadOnlyList<string> Texts(JsonNode? node) => node switch
    {
        JsonArray list => [.. list.Select(item => item?.ToString() ?? "")],
        JsonValue value => [value.ToString()],
        _ => [],
    };

    private bool TryConfiguration([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out JsonObject? configuration)
    {
        try
        {
            configuration = _configuration.Value;
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            // The configuration's own checks say so.
            configuration = null;
        }

        return configuration is not null;
    }

    private JsonObject? ReadConfiguration()
    {
        if (Host.Text(ConfigurationPath) is not { } text)
        {
            return Settings.Configuration is null ? null : throw new FileNotFoundException($"{Settings.Configuration} is not there");
        }

        return PlainValues.Read(text) as JsonObject ?? throw new FormatException($"{ConfigurationPath} is no document with fields");
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, string[] arguments, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start) ?? throw new IOException($"{program} cannot be started");
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
            string output = await process.StandardOutput.ReadToEndAsync(cancellation);
            await errors;
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, output);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}
