using System.Globalization;
using System.Text.RegularExpressions;
using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Tests.Harness;

/// <summary>A simulated enclave that serves KMS on loopback TCP, with a KEK.</summary>
internal sealed partial class EnclaveOnTcp : IAsyncDisposable
{
    private readonly ScratchFolder _folder;
    private ChildProgram _process;

    private EnclaveOnTcp(ScratchFolder folder)
    {
        _folder = folder;
        _process = Programs.StartEnclave(folder["enclave.yaml"]);
    }

    internal string Address { get; private set; } = "";

    /// <summary>The log since the last start.</summary>
    internal string Log => _process.Said;

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
        await _process.DisposeAsync();
        _process = Programs.StartEnclave(_folder["enclave.yaml"]);
        await ReadyAsync();
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

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

    private async Task ReadyAsync()
    {
        for (long until = Environment.TickCount64 + 120_000; !Listening.IsMatch(Log) && !_process.HasExited && Environment.TickCount64 < until;)
        {
            await Task.Delay(50);
        }

        Address = Listening.Match(Log) is { Success: true } match ? match.Groups[1].Value : throw new InvalidOperationException(Log);
    }

    [GeneratedRegex(@"kms listens on tcp:(127\.0\.0\.1:\d+)")]
    private static partial Regex Listening { get; }
}
