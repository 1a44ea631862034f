using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Cloister.Sockets;
using Grpc.Net.Client;

namespace Cloister.Gateway.Tests.Support;

/// <summary>A gateway over a custody with one KEK, listening on a free port, with certificates of its own.</summary>
internal sealed class GatewayUnderTest : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly SecretArena _arena = new(4096);
    private readonly EtcdTlsFiles _tls;
    private readonly SeedStore _seeds;

    internal GatewayUnderTest(IReadOnlyList<EtcdEndpoint> etcd, PlaintextMode mode = PlaintextMode.Adopt, Func<GatewayOptions, GatewayOptions>? change = null, KekRules? keks = null)
    {
        _tls = new EtcdTlsFiles(_folder);
        Custody = TestKeys.Custody(_arena, keks: keks);
        GatewayOptions options = new()
        {
            Listen = ListenAddress.Parse("tcp:127.0.0.1:0", out _)!,
            CertificatePath = _tls.ServerCertificate,
            KeyPath = _tls.ServerKey,
            ClientCaPath = _tls.Ca,
            Endpoints = etcd,
            Prefixes = [GatewayRules.DefaultPrefix],
            Mode = mode,
            Keks = keks ?? KekRules.None,
        };
        options = change?.Invoke(options) ?? options;
        _seeds = new SeedStore(Custody, _arena, options.Seeds, BootTime.Clock, options.Keks);
        Gateway = new EtcdGateway(options, new StockKmsV2Values(_seeds, "cloister", options.Mode), Custody, Log.Log);
    }

    internal CapturedLog Log { get; } = new();

    internal ManualCustody Custody { get; }

    internal EtcdGateway Gateway { get; }

    internal EtcdTlsFiles Tls => _tls;

    internal string Url => $"https://127.0.0.1:{Gateway.Port}";

    internal static EtcdEndpoint Plain(int port) => new(new IPEndPoint(IPAddress.Loopback, port), "127.0.0.1", Tls: false);

    internal long Counter(string name) => Gateway.Counters.All.Single(counter => counter.Name == name).Value();

    /// <summary>A connection with TLS and nothing more.</summary>
    internal SslStream Connect(bool certificate = true, string? protocol = "h2", EtcdTlsFiles? client = null) => ConnectWithSocket(certificate, protocol, client).Stream;

    internal (SslStream Stream, Socket Socket) ConnectWithSocket(bool certificate = true, string? protocol = "h2", EtcdTlsFiles? client = null)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000, NoDelay = true };
        socket.Connect(IPAddress.Loopback, Gateway.Port);
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        try
        {
            SslClientAuthenticationOptions options = ClientTls(certificate, client);
            options.TargetHost = "127.0.0.1";
            options.ApplicationProtocols = protocol is null ? null : [new SslApplicationProtocol(protocol)];
            stream.AuthenticateAsClient(options);
            return (stream, socket);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    internal RawPeer ConnectRaw() => new(Connect());

    internal GrpcChannel Channel() => GrpcChannel.ForAddress(Url, new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler { SslOptions = ClientTls(true), UseProxy = false },
        DisposeHttpClient = true,
        MaxReceiveMessageSize = null,
        MaxSendMessageSize = null,
    });

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        _seeds.Dispose();
        Custody.Wipe();
        _arena.Dispose();
        _folder.Dispose();
    }

    private SslClientAuthenticationOptions ClientTls(bool certificate, EtcdTlsFiles? client = null)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(_tls.Ca);
        SslClientAuthenticationOptions options = new() { CertificateChainPolicy = policy };
        if (certificate)
        {
            options.ClientCertificateContext = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPemFile((client ?? _tls).ClientCertificate, (client ?? _tls).ClientKey), null, offline: true);
        }

        return options;
    }
}
