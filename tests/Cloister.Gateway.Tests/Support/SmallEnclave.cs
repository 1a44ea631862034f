using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Tests.Support;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Gateway.Tests.Support;

/// <summary>An enclave as a process with the heap that its manifest would give it, KMS and gateway in front of a real etcd; KMS is asked all the time.</summary>
internal sealed class SmallEnclave : IAsyncDisposable
{
    private const string Program = "cloister-enclave-sim";
    private static readonly byte[] Begin = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private readonly ScratchFolder _folder = new();
    private readonly CancellationTokenSource _asking = new();
    private readonly int _port = LoopbackPort.Next();
    private readonly EtcdTlsFiles _tls;
    private readonly X509Certificate2 _client;
    private ChildProcess? _etcd;
    private EnclaveProcess? _process;
    private EnclaveFigures? _figures;
    private Task<long>? _asked;

    private SmallEnclave()
    {
        _tls = new EtcdTlsFiles(_folder);
        _client = X509Certificate2.CreateFromPemFile(_tls.ClientCertificate, _tls.ClientKey);
    }

    /// <summary>Threads that it has never more of.</summary>
    internal long MaxThreads => _figures!.Threads;

    internal int Threads => Count("task");

    internal int Descriptors => Count("fd");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    internal static async Task<SmallEnclave> StartAsync()
    {
        SmallEnclave enclave = new();
        try
        {
            await enclave.StartProcessesAsync();
            return enclave;
        }
        catch
        {
            await enclave.DisposeAsync();
            throw;
        }
    }

    internal RawEtcd Through() => new(GrpcChannel.ForAddress($"https://127.0.0.1:{_port}", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler { SslOptions = ClientTls(), UseProxy = false },
        DisposeHttpClient = true,
        MaxReceiveMessageSize = null,
        MaxSendMessageSize = null,
    }));

    /// <summary>A connection without TLS.</summary>
    internal async Task<Socket> ConnectAsync()
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, _port, Stop);
        return socket;
    }

    /// <summary>One with TLS that has begun HTTP/2; null when it had to give way meanwhile.</summary>
    internal async Task<Stream?> BeginAsync()
    {
        SslStream? stream = null;
        try
        {
            stream = new SslStream(new NetworkStream(await ConnectAsync(), ownsSocket: true));
            SslClientAuthenticationOptions options = ClientTls();
            options.TargetHost = "127.0.0.1";
            options.ApplicationProtocols = [SslApplicationProtocol.Http2];
            await stream.AuthenticateAsClientAsync(options, Stop);
            await stream.WriteAsync(Begin, Stop);
            return stream;
        }
        catch (Exception e) when (e is IOException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            stream?.Dispose();
            return null;
        }
    }

    /// <summary>KMS answered all the time, and SIGTERM ends the process in order, in time.</summary>
    internal async Task MustEndInOrderAsync()
    {
        await _asking.CancelAsync();
        Assert.True(await _asked! > 0, "KMS never answered");
        Assert.False(_process!.HasExited, _process.Error);
        _process.Stop();
        Assert.True(await _process.ExitAsync(TimeSpan.FromSeconds(10)) == 0, _process.Error);
        Assert.Contains("stopped; keys wiped", _process.Error, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _asking.CancelAsync();
        if (_asked is not null)
        {
            await ((Task)_asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _process?.Dispose();
        if (_etcd is not null)
        {
            await _etcd.KillAsync();
            await _etcd.DisposeAsync();
        }

        _client.Dispose();
        _asking.Dispose();
        _folder.Dispose();
    }

    private async Task StartProcessesAsync()
    {
        EtcdProgram program = await EtcdProgram.GetAsync(debian: null);
        string url = $"http://127.0.0.1:{LoopbackPort.Next()}";
        string peer = $"http://127.0.0.1:{LoopbackPort.Next()}";
        _etcd = ChildProcess.Start(
            "etcd",
            _folder.Path,
            program.Path,
            ["--data-dir", _folder["etcd"], "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", $"default={peer}", "--log-level", "error", .. program.Quick]);
        string configuration = _folder["enclave.yaml"];
        await File.WriteAllTextAsync(configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c
            provider: cloister
            kms: { listen: "unix:{{_folder["kms.sock"]}}" }
            custody: { mode: remote, remote: { cacheEntries: 1024 } }
            gateway:
              listen: "tcp:127.0.0.1:{{_port}}"
              tls: { certificate: "{{_tls.ServerCertificate}}", key: "{{_tls.ServerKey}}", clientCa: "{{_tls.Ca}}" }
              etcd: { endpoints: ["{{url}}"] }
            simulation: { remoteKms: { keyFile: "{{_folder["remote.json"]}}" } }
            """, Stop);
        _figures = await EnclaveFigures.OfAsync(Program, configuration);
        _process = EnclaveProcess.StartWith(
            ["prlimit", $"--nofile={_figures.Descriptors}", "env", .. _figures.Environment], Program, "--config", configuration);
        await HoldsAsync("the enclave serves", () => Task.FromResult(_process.HasExited || _process.Error.Contains("kms listens on", StringComparison.Ordinal)));
        Assert.False(_process.HasExited, _process.Error);
        using RawEtcd etcd = Through();
        await HoldsAsync("the gateway serves", async () =>
        {
            try
            {
                await etcd.Kv.RangeAsync(new Contracts.Etcd.RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("/registry/secrets/none") }, cancellationToken: Stop);
                return true;
            }
            catch (RpcException)
            {
                return false;
            }
        });
        _asked = Task.Run(AskAsync, Stop);
    }

    private async Task HoldsAsync(string what, Func<Task<bool>> holds) =>
        await Conformance.Harness.Eventually.HoldsAsync(what, TimeSpan.FromSeconds(60), holds, Stop, () => _process!.Error);

    private async Task<long> AskAsync()
    {
        using GrpcChannel channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (_, cancellation) =>
                {
                    Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(_folder["kms.sock"]), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            },
        });
        KeyManagementService.KeyManagementServiceClient kms = new(channel);
        long answers = 0;
        while (!_asking.IsCancellationRequested)
        {
            Assert.Equal("ok", (await kms.StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow.AddSeconds(30), cancellationToken: Stop)).Healthz);
            answers++;
            await Task.Delay(5, Stop);
        }

        return answers;
    }

    private int Count(string what) => Directory.GetFileSystemEntries($"/proc/{_process!.Id}/{what}").Length;

    private SslClientAuthenticationOptions ClientTls()
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(_tls.Ca);
        return new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = policy,
            ClientCertificateContext = SslStreamCertificateContext.Create(_client, null, offline: true),
        };
    }
}
