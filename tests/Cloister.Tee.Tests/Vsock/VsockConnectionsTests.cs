using System.Buffers;
using System.Net.Sockets;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Sockets;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Tee.Tests.Vsock;

/// <summary>
/// A server's way from what a vsock listener accepts to answers. Few kernels of build machines lead vsock back to themselves, so a unix socket
/// stands under the listener here; <see cref="VsockSocketTests"/> has what is left.
/// </summary>
public sealed class VsockConnectionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-").FullName;
    private readonly UnixDomainSocketEndPoint _endPoint;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ListenAddress _address = ListenAddress.Parse("vsock:1", out _)!;
    private readonly GrpcServer _server;

    public VsockConnectionsTests()
    {
        _endPoint = new UnixDomainSocketEndPoint(Path.Combine(_folder, "s"));
        _socket.Bind(_endPoint);
        _socket.Listen(16);
        ServiceMethod echo = (_, response, _) =>
        {
            response.Write(new StatusResponse { Version = "v2", Healthz = "ok" }.ToByteArray());
            return ValueTask.CompletedTask;
        };
        _server = GrpcServer.Start(
            "kms", new ServerOptions { Address = _address }, [new("/v2.KeyManagementService/Status", echo)], "nitro", new CallCounters(),
            new EnclaveLog((_, _, _) => { }), Listener.Of(_address, new VsockListener(_socket.SafeHandle)));
    }

    public void Dispose()
    {
        _server.Dispose();
        _socket.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Connections_carry_calls()
    {
        for (int i = 0; i < 20; i++)
        {
            using GrpcChannel channel = Channel();
            KeyManagementService.KeyManagementServiceClient client = new(channel);
            Assert.Equal("ok", (await client.StatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Healthz);
        }
    }

    [Fact]
    public async Task Stopping_closes_connections_used_or_not()
    {
        using Socket silent = await ConnectAsync();
        using GrpcChannel channel = Channel();
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        await client.StatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken);
        _server.Dispose();
        Assert.Equal(0, await EndAsync(silent));
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(
            () => client.StatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken).ResponseAsync);
    }

    private static async Task<int> EndAsync(Socket client)
    {
        try
        {
            return await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    private GrpcChannel Channel() => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            UseProxy = false, ConnectCallback = async (_, _) => new NetworkStream(await ConnectAsync(), ownsSocket: true),
        },
    });

    private async Task<Socket> ConnectAsync()
    {
        Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(_endPoint, TestContext.Current.CancellationToken);
        return client;
    }
}
