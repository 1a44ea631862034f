using Cloister.Conformance.Harness;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Conformance.Plugins;

/// <summary>A simulated enclave program on its own, administered over its admin socket: tests the very binary that is published.</summary>
/// <param name="program">The program.</param>
/// <param name="folder">For its files.</param>
/// <param name="port">Loopback port that it listens on, instead of a unix socket, for a relay with <see cref="RelayKey"/>.</param>
internal sealed class EnclavePlugin(string program, string folder, int? port = null) : IPluginUnderTest
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private ChildProcess? _process;

    public string ProviderName => "tee";

    public string Socket => Path.Combine(folder, "kms.sock");

    public string EncryptionConfiguration => KmsProvider.Configuration(new KmsProvider("v2", ProviderName, Socket));

    public string RelayTarget => port is null ? $"unix:{Socket}" : $"127.0.0.1:{port}";

    public string? RelayKey => port is null ? null : Path.Combine(folder, "relay.key");

    private string AdminSocket => Path.Combine(folder, "admin.sock");

    private ChildProcess Running => _process ?? throw new InvalidOperationException("the enclave does not run");

    public async Task StartAsync(CancellationToken cancellation)
    {
        string configuration = Path.Combine(folder, "enclave.yaml");
        string state = Directory.CreateDirectory(Path.Combine(folder, "state")).FullName;
        string relay = "";
        if (RelayKey is { } key)
        {
            CommandResult made = await Command.RunAsync(CloisterPlugin.Program, ["relay", "keygen", "--key", key], cancellation);
            made.EnsureSuccess();
            relay = $", relay: {{pins: [\"{made.Output.Trim()}\"]}}";
        }

        await File.WriteAllTextAsync(
            configuration,
            $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: conformance
            provider: {{ProviderName}}
            kms: {listen: "{{(port is null ? "" : "tcp:")}}{{RelayTarget}}"{{relay}}}
            admin: {listen: "unix:{{AdminSocket}}"}
            custody: {mode: manual, manual: {operators: any} }
            state: {directory: "{{state}}"}
            simulation: {sealingKeyFile: "{{folder}}/sealing.key"}

            """,
            cancellation);
        _process = ChildProcess.Start("enclave", folder, program, "--config", configuration);
        EnclaveState? answer = null;
        await Eventually.HoldsAsync(
            "the enclave answers",
            StartLimit,
            async () => (answer = await TryGetStateAsync(cancellation)) is not null,
            cancellation,
            () => _process.Tail());
        if (answer is { ActiveKeyId: "" })
        {
            await RotateAsync(cancellation);
        }
    }

    public async Task StopAsync()
    {
        Assert.True(await Running.TerminateAsync(TimeSpan.FromSeconds(5)), "the enclave did not stop within 5 s:\n" + Running.Tail());
        await DisposeAsync();
    }

    public async Task KillAsync()
    {
        await Running.KillAsync();
        await DisposeAsync();
    }

    public Task RotateAsync(CancellationToken cancellation) =>
        AdministerAsync(async admin => await admin.CreateKekAsync(new CreateKekRequest { Name = "conformance" }, cancellationToken: cancellation));

    public Task FailStatusAsync(CancellationToken cancellation) =>
        AdministerAsync(async admin => await admin.WipeAsync(new WipeRequest(), cancellationToken: cancellation));

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }

    private async Task<T> AdministerAsync<T>(Func<Admin.AdminClient, Task<T>> action)
    {
        using GrpcChannel channel = UnixChannel.To(AdminSocket);
        return await action(new Admin.AdminClient(channel));
    }

    private async Task<EnclaveState?> TryGetStateAsync(CancellationToken cancellation)
    {
        if (Running.HasExited)
        {
            throw new InvalidOperationException("the enclave ended:\n" + Running.Tail());
        }

        try
        {
            return await AdministerAsync(async admin => await admin.GetStateAsync(new GetStateRequest(), cancellationToken: cancellation));
        }
        catch (RpcException failure) when (failure.StatusCode is StatusCode.Unavailable or StatusCode.Internal)
        {
            return null;
        }
    }
}
