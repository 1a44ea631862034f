using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Enclave.Gateway.Http2;
using Cloister.Enclave.Hosting;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Opens connections to etcd: the endpoint that answered last, and when it does not, the next. Thread-safe. secrets: none.</summary>
internal sealed class EtcdConnector
{
    private const int PatienceMilliseconds = 3000;

    private readonly IReadOnlyList<EtcdEndpoint> _endpoints;
    private readonly GatewayTls _tls;
    private readonly EnclaveLog _log;
    private readonly LineLimit _failures = new();
    private int _current;

    internal EtcdConnector(IReadOnlyList<EtcdEndpoint> endpoints, GatewayTls tls, EnclaveLog log)
    {
        _endpoints = endpoints;
        _tls = tls;
        _log = log;
    }

    /// <summary>Connects.</summary>
    /// <param name="wanted">False once nobody waits for it.</param>
    /// <param name="greet">Speaks until the peer is known to be etcd; throws when it is not.</param>
    /// <returns>The socket, or null when no endpoint answers.</returns>
    internal Socket? Connect(Func<bool> wanted, Action<Stream> greet)
    {
        int first = Volatile.Read(ref _current);
        for (int i = 0; i < _endpoints.Count && wanted(); i++)
        {
            int index = (first + i) % _endpoints.Count;
            EtcdEndpoint endpoint = _endpoints[index];
            if (TryConnect(endpoint, greet) is { } socket)
            {
                Volatile.Write(ref _current, index);
                return socket;
            }
        }

        return null;
    }

    private Socket? TryConnect(EtcdEndpoint endpoint, Action<Stream> greet)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Blocking calls on a thread of their own; the timer ends what takes too long.
            using Timer patience = new(_ => socket.Dispose(), null, PatienceMilliseconds, Timeout.Infinite);
            socket.Connect(endpoint.EndPoint);
            SocketHabits.Apply(socket);
            SocketStream plain = new(socket);
            greet(endpoint.Tls ? _tls.Connect(plain, endpoint) : plain);
            return socket;
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or ObjectDisposedException or Http2Exception or InvalidOperationException)
        {
            socket.Dispose();
            if (_failures.MayPass(out long suppressed))
            {
                string reason = e switch
                {
                    SocketException { SocketErrorCode: var code } => code.ToString(),
                    AuthenticationException => "its certificate is not accepted, or it does not accept ours",
                    ObjectDisposedException => "no answer in time",
                    _ => "it does not speak HTTP/2",
                };
                _log.EtcdUnreachable(endpoint.EndPoint.ToString() ?? "", reason, suppressed);
            }

            return null;
        }
    }
}
