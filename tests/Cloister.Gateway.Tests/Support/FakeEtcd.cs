using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Gateway.Transport;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Where etcd would listen: a test plays its part.</summary>
internal sealed class FakeEtcd : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    internal FakeEtcd()
    {
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

    public void Dispose() => _listener.Dispose();
}
