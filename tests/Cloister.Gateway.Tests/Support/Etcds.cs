using System.Net;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway.Transport;
using Grpc.Net.Client;

namespace Cloister.Gateway.Tests.Support;

/// <summary>A real etcd, a gateway in front of it, and clients of both.</summary>
internal sealed class Etcds : IAsyncDisposable
{
    private readonly ScratchFolder _folder;
    private readonly EtcdProgram _program;
    private readonly string _url;
    private readonly string _peerUrl;
    private ChildProcess _process;

    private Etcds(ScratchFolder folder, EtcdProgram program, string url, string peerUrl, PlaintextMode mode, KekRules? keks, Func<GatewayOptions, GatewayOptions>? change)
    {
        _folder = folder;
        _program = program;
        _url = url;
        _peerUrl = peerUrl;
        _process = Start();
        Endpoint = GatewayUnderTest.Plain(new Uri(url).Port);
        Gateway = new GatewayUnderTest([Endpoint], mode, change, keks);
        Through = new RawEtcd(Gateway.Channel());
        Direct = new RawEtcd(GrpcChannel.ForAddress(url, new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null }));
    }

    internal string Url => _url;

    internal string PeerUrl => _peerUrl;

    internal EtcdEndpoint Endpoint { get; }

    internal GatewayUnderTest Gateway { get; }

    internal RawEtcd Through { get; }

    internal RawEtcd Direct { get; }

    /// <summary>Starts both.</summary>
    /// <param name="mode">What becomes of plaintext.</param>
    /// <param name="keks">KEKs by namespace.</param>
    /// <param name="debian">The release of Debian whose etcd it is; null for the harness's.</param>
    /// <param name="change">Changes the gateway's options.</param>
    internal static async Task<Etcds> StartAsync(
        PlaintextMode mode = PlaintextMode.Adopt, KekRules? keks = null, string? debian = null, Func<GatewayOptions, GatewayOptions>? change = null)
    {
        EtcdProgram program = await EtcdProgram.GetAsync(debian);
        Etcds etcds = new(new ScratchFolder(), program, $"http://127.0.0.1:{LoopbackPort.Next()}", $"http://127.0.0.1:{LoopbackPort.Next()}", mode, keks, change);
        try
        {
            await etcds.UntilHealthyAsync(TestContext.Current.CancellationToken);
            return etcds;
        }
        catch
        {
            await etcds.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills etcd and starts it again on its data.</summary>
    internal async Task RestartAsync(CancellationToken cancellation)
    {
        await _process.KillAsync();
        await _process.DisposeAsync();
        _process = Start();
        await UntilHealthyAsync(cancellation);
    }

    /// <summary>etcd's files (database, write-ahead log) that hold some bytes.</summary>
    internal async Task<IReadOnlyList<string>> FilesWithAsync(byte[] bytes, CancellationToken cancellation) =>
        EtcdFiles.With(bytes, await EtcdFiles.CopyAsync(_folder["etcd"], cancellation));

    public async ValueTask DisposeAsync()
    {
        Through.Dispose();
        Direct.Dispose();
        await Gateway.DisposeAsync();
        await _process.KillAsync();
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private ChildProcess Start() => ChildProcess.Start(
        "etcd",
        _folder.Path,
        _program.Path,
        ["--data-dir", _folder["etcd"], "--listen-client-urls", _url, "--advertise-client-urls", _url, "--listen-peer-urls", _peerUrl,
         "--initial-advertise-peer-urls", _peerUrl, "--initial-cluster", $"default={_peerUrl}", "--log-level", "error", .. _program.Quick]);

    private async Task UntilHealthyAsync(CancellationToken cancellation)
    {
        using HttpClient client = new();
        await Eventually.HoldsAsync(
            "etcd answers",
            TimeSpan.FromSeconds(60),
            async () =>
            {
                try
                {
                    using HttpResponseMessage response = await client.GetAsync($"{_url}/health", cancellation);
                    return response.StatusCode == HttpStatusCode.OK;
                }
                catch (HttpRequestException) when (!_process.HasExited)
                {
                    return false;
                }
            },
            cancellation,
            () => _process.Tail());
    }
}
