using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Google.Protobuf;

namespace Cloister.Cli.Tests.Traces;

/// <summary>A span as it was received.</summary>
internal sealed record ReceivedSpan(string Service, string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Attributes);

/// <summary>A collector: takes OTLP over HTTP and keeps every byte. Source: opentelemetry-proto 1.5, trace/v1/trace.proto.</summary>
internal sealed class OtlpReceiver : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<byte[]> _bodies = new();
    private readonly Task _serving;

    internal OtlpReceiver(int port)
    {
        Address = $"http://127.0.0.1:{port}";
        _listener.Prefixes.Add(Address + "/");
        _listener.Start();
        _serving = ServeAsync();
    }

    internal string Address { get; }

    /// <summary>Everything that came, as one text in which ASCII is what it was.</summary>
    internal string Everything => string.Concat(_bodies.Select(Encoding.Latin1.GetString));

    /// <summary>Every span that came.</summary>
    internal IReadOnlyList<ReceivedSpan> Spans => [.. _bodies.SelectMany(Read)];

    public void Dispose()
    {
        _listener.Close();
        _serving.Wait();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext http;
            try
            {
                http = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            using MemoryStream body = new();
            await http.Request.InputStream.CopyToAsync(body);
            if (http.Request is { HttpMethod: "POST", RawUrl: "/v1/traces", ContentType: "application/x-protobuf" })
            {
                _bodies.Enqueue(body.ToArray());
            }

            http.Response.ContentType = "application/x-protobuf";
            http.Response.Close();
        }
    }

    private static IEnumerable<ReceivedSpan> Read(byte[] request) =>
        from resource in Messages(request, 1)
        let service = Messages(resource, 1).SelectMany(one => Attributes(one, 1)).FirstOrDefault(one => one.Key == "service.name").Value
        from scope in Messages(resource, 2)
        from span in Messages(scope, 2)
        select new ReceivedSpan(service, Hex(span, 1), Hex(span, 2), Hex(span, 4), Encoding.UTF8.GetString(Messages(span, 5).Single()), Attributes(span, 9).ToDictionary());

    private static string Hex(byte[] message, int field) => Convert.ToHexStringLower(Messages(message, field).FirstOrDefault() ?? []);

    // KeyValue { key = 1, value = 2 }, AnyValue { string = 1, int = 3 }.
    private static IEnumerable<KeyValuePair<string, string>> Attributes(byte[] message, int field) =>
        from pair in Messages(message, field)
        let value = Messages(pair, 2).FirstOrDefault() ?? []
        let text = Messages(value, 1).FirstOrDefault()
        select KeyValuePair.Create(Encoding.UTF8.GetString(Messages(pair, 1).Single()), text is null ? Number(value, 3) : Encoding.UTF8.GetString(text));

    private static string Number(byte[] message, int field)
    {
        CodedInputStream input = new(message);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.Varint)
            {
                return input.ReadInt64().ToString(System.Globalization.CultureInfo.InvariantCulture);
            }

            input.SkipLastField();
        }

        return "";
    }

    private static List<byte[]> Messages(byte[] message, int field)
    {
        List<byte[]> found = [];
        CodedInputStream input = new(message);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
            {
                found.Add(input.ReadBytes().ToByteArray());
            }
            else
            {
                input.SkipLastField();
            }
        }

        return found;
    }
}
