using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Cloister.Bench.Relay;

/// <summary>One blocking client that waits for each answer before it sends again.</summary>
internal sealed class PingPong : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _message;
    private readonly byte[] _answer;
    private readonly List<double> _p50 = [];

    internal PingPong(EndPoint endPoint, int size)
    {
        _socket = new Socket(endPoint.AddressFamily, SocketType.Stream, endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        _socket.Connect(endPoint);
        if (endPoint is IPEndPoint)
        {
            _socket.NoDelay = true;
        }

        _message = new byte[size];
        _answer = new byte[size];
    }

    /// <summary>The p50 of the round in the middle, in microseconds.</summary>
    internal double MedianOfP50 => _p50.Order().ElementAt(_p50.Count / 2);

    /// <summary>The p50 of the best round: the one that others on the machine disturbed least.</summary>
    internal double BestP50 => _p50.Min();

    internal void Forget() => _p50.Clear();

    internal void Run(int calls)
    {
        double[] microseconds = new double[calls];
        for (int i = 0; i < calls; i++)
        {
            long start = Stopwatch.GetTimestamp();
            _socket.Send(_message);
            for (int have = 0; have < _answer.Length;)
            {
                int received = _socket.Receive(_answer.AsSpan(have));
                have += received > 0 ? received : throw new InvalidOperationException("the connection ended");
            }

            microseconds[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        Array.Sort(microseconds);
        _p50.Add(microseconds[calls / 2]);
    }

    public void Dispose() => _socket.Dispose();
}
