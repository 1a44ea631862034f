using System.Net;
using System.Net.Sockets;

namespace Cloister.Bench.Relay;

/// <summary>Sends back what it receives, a blocking thread for each connection: one wake-up a message.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    internal EchoServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    internal EndPoint EndPoint => _listener.LocalEndPoint!;

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket socket = _listener.Accept();
                new Thread(() => Echo(socket)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
            // The end.
        }
    }

    private static void Echo(Socket socket)
    {
        using Socket owner = socket;
        socket.NoDelay = true;
        byte[] buffer = new byte[65_536];
        for (int received; (received = socket.Receive(buffer)) > 0;)
        {
            socket.Send(buffer.AsSpan(0, received));
        }
    }
}
