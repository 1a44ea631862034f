using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cloister.Cli.Metrics;

/// <summary>
/// Serves <c>/metrics</c>, <c>/livez</c> and <c>/readyz</c>, one request a connection, whatever Host it names: .NET's HttpListener answers only to names that it was told.
/// What a client can hold is bounded: so many connections, so many bytes, so much time.
/// </summary>
/// <param name="listener">Listens already.</param>
/// <param name="metrics">What Prometheus gets.</param>
/// <param name="ready">Null when ready, else why not.</param>
internal sealed class MetricsServer(TcpListener listener, Func<CancellationToken, Task<string>> metrics, Func<CancellationToken, Task<string?>> ready)
{
    private const int MostConnections = 32;
    private const int LongestHead = 8 * 1024;
    private static readonly TimeSpan HeadTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(15);

    private int _open;

    /// <summary>An option that names where to listen.</summary>
    internal static Option<IPEndPoint?> Option(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => IPEndPoint.TryParse(result.Tokens.Single().Value, out IPEndPoint? end) && end.Port > 0 ? end : Refuse(name, result),
    };

    /// <summary>Listens.</summary>
    /// <param name="option">Its name, for what is wrong with it.</param>
    /// <param name="end">Where.</param>
    /// <exception cref="CliException">It cannot.</exception>
    internal static TcpListener Listen(string option, IPEndPoint end)
    {
        TcpListener listener = new(end);
        try
        {
            if (end.Address.Equals(IPAddress.IPv6Any))
            {
                listener.Server.DualMode = true;
            }

            listener.Start();
            return listener;
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new CliException(e.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"{option} {end}: another program has that port: take a free port"
                : $"{option} {end}: {e.Message}: take an address of this machine, or 0.0.0.0 for all");
        }
    }

    /// <summary>Serves until cancelled.</summary>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        using TcpListener closing = listener;
        try
        {
            while (true)
            {
                Socket client = await listener.AcceptSocketAsync(cancellation);
                if (Interlocked.Increment(ref _open) > MostConnections)
                {
                    Interlocked.Decrement(ref _open);
                    client.Dispose();
                    continue;
                }

                _ = ServeAsync(client, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private static IPEndPoint? Refuse(string name, ArgumentResult result)
    {
        result.AddError($"{name} is ADDRESS:PORT, such as 127.0.0.1:9464");
        return null;
    }

    private async Task ServeAsync(Socket client, CancellationToken cancellation)
    {
        try
        {
            using NetworkStream stream = new(client, ownsSocket: true);
            using CancellationTokenSource time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            time.CancelAfter(HeadTime);
            string request = await ReadHeadAsync(stream, time.Token);
            time.CancelAfter(AnswerTime);
            (string status, string type, string body) = await AnswerAsync(request.Split(' '), time.Token);
            string head = string.Create(
                CultureInfo.InvariantCulture, $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(request.StartsWith("HEAD ", StringComparison.Ordinal) ? head : head + body), time.Token);
            client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone, or too slow.
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    // The first line; the rest of the head is read and says nothing that matters here.
    private static async Task<string> ReadHeadAsync(NetworkStream stream, CancellationToken cancellation)
    {
        byte[] head = new byte[LongestHead];
        int length = 0;
        while (length < head.Length)
        {
            int read = await stream.ReadAsync(head.AsMemory(length), cancellation);
            length += read;
            if (read == 0 || head.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
            {
                break;
            }
        }

        return Encoding.ASCII.GetString(head, 0, Math.Max(0, head.AsSpan(0, length).IndexOf("\r\n"u8)));
    }

    private async Task<(string Status, string Type, string Body)> AnswerAsync(string[] request, CancellationToken cancellation)
    {
        const string Text = "text/plain; charset=utf-8";
        if (request is not [var method, var target, "HTTP/1.1" or "HTTP/1.0"])
        {
            return ("400 Bad Request", Text, "this is HTTP/1.1, and the request is not\n");
        }

        if (method is not ("GET" or "HEAD"))
        {
            return ("405 Method Not Allowed", Text, "GET or HEAD\n");
        }

        switch (target.Split('?')[0])
        {
            case "/metrics":
                return ("200 OK", PrometheusText.ContentType, await metrics(cancellation));
            case "/livez":
                return ("200 OK", Text, "ok\n");
            case "/readyz":
                return await ready(cancellation) is { } problem ? ("503 Service Unavailable", Text, $"{problem}\n") : ("200 OK", Text, "ok\n");
            default:
                return ("404 Not Found", Text, "/metrics, /livez or /readyz\n");
        }
    }
}
