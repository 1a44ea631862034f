using System.Reflection;
using System.Runtime.InteropServices;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Certificates;
using Cloister.KeyStores;
using Cloister.Recovery;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// The program <c>cloister-broker</c>: <c>--config FILE [--stop-with-stdin]</c>, <c>--config FILE</c> and an act (<c>--check</c>, <c>--restore-authority [SHARE-FILE...]</c>,
/// <c>--make-root-key</c>, <c>--rotate KEY</c>, <c>--rotation-status</c>, <c>--accept-rows [DIGEST]</c>, <c>--accept-audit-log</c>), or <c>--version</c>. Exit 0 after a signal and when the act is done, 1 when it cannot.
/// </summary>
internal static class BrokerProgram
{
    /// <summary>Version of this program.</summary>
    public static string Version => typeof(BrokerProgram).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Runs until SIGTERM, SIGINT, or the end of standard input when told so.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        CertificateStores.NeedNoHome();

        // Before the first key.
        (string memory, bool isProtected) = ProcessMemory.Protect();
        (bool json, arguments) = arguments is ["--log-format", "text" or "json", ..] ? (arguments[1] == "json", arguments[2..]) : (false, arguments);
        switch (arguments)
        {
            case ["--version"]:
                Console.WriteLine($"cloister-broker {Version}");
                return 0;
            case ["--config", string path]:
                return await ServeAsync(path, stopWithInput: false, json, memory, isProtected);
            case ["--config", string path, "--stop-with-stdin"]:
                return await ServeAsync(path, stopWithInput: true, json, memory, isProtected);
            case ["--config", string path, "--check"]:
                return await ActAsync(path, "take its configuration", Check);
            case ["--config", string path, "--restore-authority", .. string[] files]:
                return await ActAsync(path, "restore the authority", configuration => AuthorityRestoration.RunAsync(configuration, files, TimeProvider.System, CancellationToken.None));
            case ["--config", string path, "--make-root-key"]:
                return await ActAsync(path, "make a root key", configuration => Task.FromResult(KeyRotation.MakeRootKey(configuration)));
            case ["--config", string path, "--rotate", string key]:
                return await ActAsync(path, "rotate a key", configuration => KeyRotation.RunAsync(configuration, key, TimeProvider.System, CancellationToken.None));
            case ["--config", string path, "--rotation-status"]:
                return await ActAsync(path, "say how keys are", configuration => KeyRotation.StatusAsync(configuration, TimeProvider.System, CancellationToken.None));
            case ["--config", string path, "--accept-rows", .. { Length: <= 1 } digest]:
                return await ActAsync(
                    path, "accept rows", configuration => RowAcceptanceCommand.RunAsync(configuration, digest.FirstOrDefault(), TimeProvider.System, CancellationToken.None));
            case ["--config", string path, "--accept-audit-log"]:
                return await ActAsync(path, "accept the audit log", configuration => AuditAcceptance.RunAsync(configuration, TimeProvider.System, CancellationToken.None));
            default:
                await Console.Error.WriteLineAsync(
                    "usage: cloister-broker [--log-format text|json] --config FILE [--stop-with-stdin | --check | --make-root-key | --rotate root|authority|leases|tokens | --rotation-status | --accept-rows [DIGEST] | --accept-audit-log | --restore-authority [SHARE-FILE...]] | --version");
                return 1;
        }
    }

    private static async Task<int> ServeAsync(string path, bool stopWithInput, bool json, string memory, bool isProtected)
    {
        TaskCompletionSource<bool> stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (stopWithInput)
        {
            // Whoever started this process holds its standard input: when that one is gone, however it went, so is this.
            _ = Task.Factory.StartNew(() => WaitForEndOfInput(stop), TaskCreationOptions.LongRunning);
        }

        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using ILoggerFactory logs = LoggerFactory.Create(logging => LogToStandardError(logging, json));
        BrokerLog log = new(logs.CreateLogger<BrokerLog>());
        try
        {
            BrokerConfiguration configuration = BrokerConfigurationReader.ReadFile(path);
            (isProtected ? (Action<string>)log.Memory : log.MemoryNotProtected)(memory);
            await using RunningBroker broker = await RunningBroker.StartAsync(configuration, Version, logs, TimeProvider.System, CancellationToken.None);
            using PosixSignalRegistration reload = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
            {
                signal.Cancel = true;
                _ = Task.Run(() => broker.ReloadAsync(() => BrokerConfigurationReader.ReadFile(path)));
            });
            await Console.Out.WriteLineAsync(broker.Ready);
            await Console.Out.FlushAsync();
            await stop.Task;
            log.Stopping();
            return 0;
        }
        catch (Exception e) when (e is BrokerConfigurationException or BrokerStateException or KeyStoreException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"cloister-broker does not start:\n{e.Message}");
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.TrySetResult(true);
        }
    }

    // One act on what the configuration names, beside brokers that may run: one line that says what was done.
    private static async Task<int> ActAsync(string path, string what, Func<BrokerConfiguration, Task<string>> act)
    {
        try
        {
            await Console.Out.WriteLineAsync(await act(BrokerConfigurationReader.ReadFile(path)));
            return 0;
        }
        catch (Exception e) when (
            e is BrokerConfigurationException or BrokerStateException or KeyStoreException or RecoveryShareException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"cloister-broker does not {what}:\n{e.Message}");
            return 1;
        }
    }

    private static Task<string> Check(BrokerConfiguration configuration)
    {
        ConfigurationFiles.Check(configuration);
        return Task.FromResult("accepted");
    }

    private static void WaitForEndOfInput(TaskCompletionSource<bool> stop)
    {
        using Stream input = Console.OpenStandardInput();
        while (input.ReadByte() >= 0)
        {
        }

        stop.TrySetResult(true);
    }

    // Standard output has the ready line and nothing else.
    private static void LogToStandardError(ILoggingBuilder logging, bool json)
    {
        logging.AddConsole(console =>
        {
            console.FormatterName = json ? LogLineFormatter.Json : LogLineFormatter.Text;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
        }).AddFilter("Microsoft", LogLevel.Warning);
        logging.Services.AddSingleton<ConsoleFormatter>(new LogLineFormatter(json, TimeProvider.System));
    }
}
