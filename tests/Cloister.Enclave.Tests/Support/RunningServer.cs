using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Services.Kms;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Sockets;
using Grpc.Net.Client;

namespace Cloister.Enclave.Tests.Support;

/// <summary>KMS v1 and v2 of one custody behind a real socket in this process.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly TestFolder _folder;
    private readonly GrpcServer _server;
    private readonly EndPoint _endPoint;
    private readonly List<IDisposable> _clients = [];

    private RunningServer(TestFolder folder, GrpcServer server, EndPoint endPoint, CapturedLog log, CallCounters counters)
    {
        _folder = folder;
        _server = server;
        _endPoint = endPoint;
        Log = log;
        Counters = counters;
    }

    internal CapturedLog Log { get; }

    internal CallCounters Counters { get; }

    internal string SocketPath => _folder.File("kms.sock");

    internal static Task<RunningServer> StartAsync(ICustody custody, Func<ServerOptions, ServerOptions>? change = null, bool tcp = false)
    {
        TestFolder folder = new();
        string text = tcp ? "tcp:127.0.0.1:0" : $"unix:{folder.File("kms.sock")}";
        ServerOptions options = new() { Address = ListenAddress.Parse(text, out _)! };
        CapturedLog log = new();
        KmsEngine engine = new(custody, "simulated", new CallCounters());
        GrpcServer server = GrpcServer.Start(
            "kms",
            change?.Invoke(options) ?? options,
            [.. new KmsV2Service(engine).Methods, .. new KmsV1Service(engine, "1.2.3").Methods],
            "simulated",
            engine.Counters,
            log.Log);
        EndPoint endPoint = server.Port is { } port ? new IPEndPoint(IPAddress.Loopback, port) : options.Address.EndPoint;
        return Task.FromResult(new RunningServer(folder, server, endPoint, log, engine.Counters));
    }

    internal async Task<Socket> ConnectAsync(CancellationToken cancellation)
    {
        Socket socket = new(_endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(_endPoint, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal GrpcChannel Channel()
    {
        GrpcChannel channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = Handler(), DisposeHttpClient = true });
        _clients.Add(channel);
        return channel;
    }

    internal Contracts.KmsV2.KeyManagementService.KeyManagementServiceClient V2() => new(Channel());

    internal Contracts.KmsV1.KeyManagementService.KeyManagementServiceClient V1() => new(Channel());

    internal HttpClient Http()
    {
        HttpClient client = new(Handler())
        {
            BaseAddress = new Uri("http://localhost"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        _clients.Add(client);
        return client;
    }

    /// <summary>Stops the server; clients may still be there.</summary>
    internal Task StopAsync() => Task.Run(_server.Dispose);

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        await StopAsync();
        _folder.Dispose();
    }

    private SocketsHttpHandler Handler() => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellation) => new NetworkStream(await ConnectAsync(cancellation), ownsSocket: true),
    };
}
