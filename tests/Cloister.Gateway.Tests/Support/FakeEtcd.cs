using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Gateway.Transport;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Where etcd would listen: a test plays its part.</summary>
internal sealed class FakeEtcd : IDisposable
{
    private readonly TcpListener _listener;

    internal FakeEtcd(int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
    }

    internal EtcdEndpoint Endpoint => GatewayUnderTest.Plain(((IPEndPoint)_listener.LocalEndpoint).Port);

    /// <summary>The next connection of the gateway, greeted.</summary>
    internal RawPeer Accept(params (int Id, int Value)[] settings)
    {
        Socket socket = _listener.AcceptSocket();
        socket.ReceiveTimeout = 20_000;
        socket.NoDelay = true;
        return new RawPeer(new NetworkStream(socket, ownsSocket: true)).Accept(settings);
    }

    /// <summary>The gateway asks whether it serves, on a connection of its own.</summary>
    internal void AnswerProbe()
    {
        using RawPeer peer = Accept();
        int stream = peer.NextHeaders().StreamId;
        peer.Headers(stream, true, (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0"));
        while (peer.Next() is not null)
        {
            // Until it closes.
        }
    }

    public void Dispose() => _listener.Dispose();
}
