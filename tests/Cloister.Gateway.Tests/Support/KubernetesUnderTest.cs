using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Services.Kms;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Sockets;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Real API-server code on a real etcd, with Secrets through the gateway, or through the KMS v2 provider of the same keys.</summary>
internal sealed class KubernetesUnderTest : IAsyncDisposable
{
    private readonly HarnessPrograms _programs;
    private readonly ScratchFolder _folder;
    private readonly GrpcServer _kms;

    private KubernetesUnderTest(HarnessPrograms programs, Etcds etcds, GrpcServer kms, ScratchFolder folder)
    {
        _programs = programs;
        _kms = kms;
        _folder = folder;
        Etcds = etcds;
        First = Another();
    }

    internal Etcds Etcds { get; }

    /// <summary>The API server that is meant where none is named.</summary>
    internal ApiServerSeat First { get; }

    internal Kubectl Kubectl => First.Kubectl;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    internal static async Task<KubernetesUnderTest> StartAsync(
        PlaintextMode mode = PlaintextMode.Adopt, KekRules? keks = null, string? debian = null, Func<GatewayOptions, GatewayOptions>? change = null)
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        Etcds etcds = await Etcds.StartAsync(mode, keks, debian, change);
        ScratchFolder folder = new();
        KmsEngine engine = new(etcds.Gateway.Custody, "test", new CallCounters());
        GrpcServer kms = GrpcServer.Start(
            "kms",
            new ServerOptions { Address = ListenAddress.Parse($"unix:{folder["kms.sock"]}", out _)! },
            new KmsV2Service(engine).Methods,
            "test",
            engine.Counters,
            etcds.Gateway.Log.Log);
        return new KubernetesUnderTest(programs, etcds, kms, folder);
    }

    /// <summary>One more API server on the same etcd, gateway and KMS; not owned.</summary>
    internal ApiServerSeat Another() => new(_programs, Etcds, _folder["kms.sock"]);

    /// <inheritdoc cref="ApiServerSeat.WithGatewayAsync"/>
    internal Task WithGatewayAsync(bool ready = true, params IEnumerable<string> more) => First.WithGatewayAsync(ready, more);

    /// <summary>An API server that encrypts Secrets itself, with the KMS v2 provider of the same name.</summary>
    internal Task WithPluginAsync() => First.WithProvidersAsync(First.Provider, KmsProvider.Identity);

    /// <summary>An API server that encrypts nothing.</summary>
    internal Task WithNothingAsync() => First.WithNothingAsync();

    internal Task CreateAsync(string name, string password) => Eventually.HoldsAsync(
        $"{name} is written",
        TimeSpan.FromSeconds(60),
        async () => (await Kubectl.CreateSecretAsync(name, password, Stop)).Succeeded,
        Stop);

    internal async Task<byte[]?> StoredAsync(string name, string ns = "default")
    {
        RangeResponse response = await Etcds.Direct.Kv.RangeAsync(
            new RangeRequest { Key = ByteString.CopyFromUtf8($"/registry/secrets/{ns}/{name}") }, cancellationToken: Stop);
        return response.Kvs.FirstOrDefault()?.Value.ToByteArray();
    }

    /// <summary>The way out of what cannot be read: <c>etcdctl del</c>.</summary>
    internal async Task DeleteInEtcdAsync(string name) => Assert.Equal(
        "1",
        (await Command.RunAsync(_programs.PathOf("etcdctl"), ["--endpoints", Etcds.Url, "del", $"/registry/secrets/default/{name}"], Stop)).EnsureSuccess().Trim());

    /// <inheritdoc cref="ApiServerSeat.Api"/>
    internal HttpClient Api() => First.Api();

    public async ValueTask DisposeAsync()
    {
        await First.DisposeAsync();
        _kms.Dispose();
        await Etcds.DisposeAsync();
        _folder.Dispose();
    }
}
