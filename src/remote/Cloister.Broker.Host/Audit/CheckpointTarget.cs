using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Cloister.Broker.Administration;
using Cloister.Broker.Host.Configuration;

namespace Cloister.Broker.Host.Audit;

/// <summary>Somewhere outside that checkpoints go to: a line of JSON each, as an exported log has them.</summary>
internal abstract class CheckpointTarget(string name) : IDisposable
{
    /// <summary>For log and metric.</summary>
    public string Name { get; } = name;

    public static CheckpointTarget Of(CheckpointTargetOptions options, TimeProvider clock) => options switch
    {
        { File: { } file } => new FileTarget(file),
        { Syslog: { } address } => new SyslogTarget(address, clock),
        { Webhook: { } url } => new WebhookTarget(url, options.TokenFile, options.CaFile),
        _ => throw new InvalidOperationException("the configuration names no place"),
    };

    /// <summary>Sends a line, without its end.</summary>
    /// <exception cref="IOException">It did not get there; also other exceptions of files, sockets and HTTP.</exception>
    public abstract Task SendAsync(string line, CancellationToken cancellation);

    /// <inheritdoc />
    public virtual void Dispose()
    {
    }
}

/// <summary>Appends to a file.</summary>
internal sealed class FileTarget(string path) : CheckpointTarget("file")
{
    /// <inheritdoc />
    public override Task SendAsync(string line, CancellationToken cancellation)
    {
        FileStreamOptions options = new() { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead };
        using FileStream file = new(path, options);
        file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        file.Flush(flushToDisk: true);
        return Task.CompletedTask;
    }
}

/// <summary>Sends messages of RFC 5424, facility 13 (log audit), severity notice: datagrams of UDP (RFC 5426) or of a unix socket, or counted octets over TCP (RFC 6587).</summary>
internal sealed class SyslogTarget(Uri address, TimeProvider clock) : CheckpointTarget("syslog")
{
    private const int Priority = (13 * 8) + 5;

    /// <summary>A message.</summary>
    public string Message(string line) => string.Create(
        CultureInfo.InvariantCulture,
        $"<{Priority}>1 {clock.GetUtcNow():yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {Environment.MachineName} cloister-broker {Environment.ProcessId} checkpoint - {line}");

    /// <inheritdoc />
    public override async Task SendAsync(string line, CancellationToken cancellation)
    {
        byte[] message = Encoding.UTF8.GetBytes(Message(line));
        if (address.Scheme == "tcp")
        {
            using TcpClient tcp = new();
            await tcp.ConnectAsync(address.DnsSafeHost, address.Port, cancellation);
            await tcp.GetStream().WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{message.Length} ")), .. message], cancellation);
            tcp.Client.Shutdown(SocketShutdown.Send);
        }
        else if (address.Scheme == "udp")
        {
            using UdpClient udp = new(address.DnsSafeHost, address.Port);
            await udp.SendAsync(message, cancellation);
        }
        else
        {
            using Socket unix = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            await unix.ConnectAsync(new UnixDomainSocketEndPoint(address.AbsolutePath), cancellation);
            await unix.SendAsync(message, cancellation);
        }
    }
}

/// <summary>Posts to a URL, <c>application/json</c>; any answer of 200 to 299 is receipt. No proxy, no redirects.</summary>
internal sealed class WebhookTarget(Uri url, string? tokenFile, string? caFile) : CheckpointTarget("webhook")
{
    private readonly HttpClient _http = OutsideHttp.Client(caFile);

    /// <inheritdoc />
    public override async Task SendAsync(string line, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, url) { Content = new StringContent(line, Encoding.UTF8, "application/json") };
        if (tokenFile is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(tokenFile, cancellation)).Trim());
        }

        using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode)
        {
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{url.Host} answered {(int)response.StatusCode}"));
        }
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        _http.Dispose();
        base.Dispose();
    }
}
