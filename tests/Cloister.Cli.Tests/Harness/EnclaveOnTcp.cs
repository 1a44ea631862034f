using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Cloister.Cli.Tests.Harness;

/// <summary>A simulated enclave that serves KMS on loopback TCP, with a KEK.</summary>
internal sealed partial class EnclaveOnTcp : IAsyncDisposable
{
    private readonly ScratchFolder _folder;
    private readonly StringBuilder _log = new();
    private Process _process;

    private EnclaveOnTcp(ScratchFolder folder)
    {
        _folder = folder;
        _process = Start();
    }

    internal string Address { get; private set; } = "";

    internal string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    internal static async Task<EnclaveOnTcp> StartAsync(ScratchFolder folder, string who)
    {
        Write(folder, who, 0);
        EnclaveOnTcp enclave = new(folder);
        await enclave.ReadyAsync();
        (await CliProcess.RunAsync("kek", "create", "--name", "k", "--socket", folder["admin.sock"])).MustSucceed();
        Write(folder, who, int.Parse(enclave.Address.Split(':')[1], CultureInfo.InvariantCulture));
        return enclave;
    }

    internal async Task RestartAsync()
    {
        await StopAsync();
        lock (_log)
        {
            _log.Clear();
        }

        _process = Start();
        await ReadyAsync();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private static void Write(ScratchFolder folder, string who, int port)
    {
        Directory.CreateDirectory(folder["state"]);
        File.WriteAllText(folder["enclave.yaml"], $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: tee
            kms: {listen: "tcp:127.0.0.1:{{port}}", {{who}}}
            admin: {listen: "unix:{{folder["admin.sock"]}}"}
            custody: { mode: manual, manual: { operators: any } }
            state: {directory: "{{folder["state"]}}"}
            simulation: {sealingKeyFile: "{{folder["sealing.key"]}}"}
            """);
    }

    private Process Start()
    {
        Process process = new()
        {
            StartInfo = new ProcessStartInfo(Programs.EnclaveSim, ["--config", _folder["enclave.yaml"], "--stop-with-stdin"]) { RedirectStandardError = true, RedirectStandardInput = true },
        };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
            {
                _log.AppendLine(line.Data);
            }
        };
        process.Start();
        process.BeginErrorReadLine();
        return process;
    }

    private async Task ReadyAsync()
    {
        for (long until = Environment.TickCount64 + 120_000; !Listening.IsMatch(Log) && !_process.HasExited && Environment.TickCount64 < until;)
        {
            await Task.Delay(50);
        }

        Address = Listening.Match(Log) is { Success: true } match ? match.Groups[1].Value : throw new InvalidOperationException(Log);
    }

    private async Task StopAsync()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    [GeneratedRegex(@"kms listens on tcp:(127\.0\.0\.1:\d+)")]
    private static partial Regex Listening { get; }
}
