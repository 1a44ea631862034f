using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Enclaves;
using Cloister.Conformance.Harness;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Attacks.Grounds;

/// <summary>A <c>cloister-enclave-sim</c> in custody manual, and its admin socket. Its cluster is <c>c1</c>, its provider <c>tee</c>.</summary>
internal sealed class ManualEnclave : IAsyncDisposable
{
    private readonly string _folder;
    private readonly StringBuilder _log = new();
    private Process? _process;
    private GrpcChannel? _channel;

    private ManualEnclave(string folder)
    {
        _folder = folder;
    }

    public Admin.AdminClient Admin => new(_channel!);

    public string SealedCopy => Path.Combine(_folder, "state", "keks.sealed");

    private string AdminSocket => Path.Combine(_folder, "admin.sock");

    /// <summary>How a configuration names an operator.</summary>
    public static string Pin(ECDsa key) => $"sha256:{Convert.ToBase64String(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))}";

    /// <param name="folder">Made for it.</param>
    /// <param name="operators">A pin, or <c>any</c>.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<ManualEnclave> StartAsync(string folder, string operators, CancellationToken stop)
    {
        Directory.CreateDirectory(Path.Combine(folder, "state"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(folder, "enclave.yaml"), $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{folder}}/kms.sock" }
            admin: { listen: "unix:{{folder}}/admin.sock" }
            custody: { mode: manual, manual: { operators: {{(operators == "any" ? operators : $"[\"{operators}\"]")}} } }
            state: { directory: {{folder}}/state }
            simulation: { sealingKeyFile: {{folder}}/sealing.key }
            """, stop);
        ManualEnclave enclave = new(folder);
        await enclave.RestartAsync(stop);
        return enclave;
    }

    public async Task RestartAsync(CancellationToken stop)
    {
        await StopAsync();
        _process = Process.Start(new ProcessStartInfo(Programs.Simulated, ["--config", Path.Combine(_folder, "enclave.yaml")]) { RedirectStandardError = true })!;
        _process.ErrorDataReceived += (_, line) => _log.AppendLine(line.Data);
        _process.BeginErrorReadLine();
        await Eventually.HoldsAsync("the enclave answers", TimeSpan.FromSeconds(60), AnswersAsync, stop, _log.ToString);
    }

    public async Task StopAsync()
    {
        _channel?.Dispose();
        _channel = null;
        if (_process is not null)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            _process = null;
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<bool> AnswersAsync()
    {
        if (!File.Exists(AdminSocket))
        {
            return false;
        }

        try
        {
            _channel ??= EnclaveChannel.Open(AdminSocket);
            await Admin.GetStateAsync(new GetStateRequest(), deadline: DateTime.UtcNow.AddSeconds(5));
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }
}
