using System.Net;
using System.Net.Http.Headers;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Grpc.Core;

namespace Cloister.Enclave.Tests.Rpc;

/// <summary>Requests that no gRPC library would send.</summary>
public sealed class GrpcFramingTests : IDisposable
{
    private const string Encrypt = "/v2.KeyManagementService/Encrypt";

    // Flag 0, length 3, field 1 with one byte.
    private const string Good = "00000000030a0141";

    private readonly SecretArena _arena = new(16);

    public void Dispose() => _arena.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("good", Encrypt, Good, StatusCode.OK)]
    [InlineData("no body", Encrypt, "", StatusCode.InvalidArgument)]
    [InlineData("half a prefix", Encrypt, "000000", StatusCode.InvalidArgument)]
    [InlineData("prefix only", Encrypt, "0000000003", StatusCode.InvalidArgument)]
    [InlineData("truncated message", Encrypt, "00000000030a01", StatusCode.InvalidArgument)]
    [InlineData("one byte behind", Encrypt, Good + "00", StatusCode.InvalidArgument)]
    [InlineData("two messages", Encrypt, Good + Good, StatusCode.InvalidArgument)]
    [InlineData("compressed", Encrypt, "01000000030a0141", StatusCode.Unimplemented)]
    [InlineData("flag 2", Encrypt, "02000000030a0141", StatusCode.Unimplemented)]
    [InlineData("flag 255", Encrypt, "ff000000030a0141", StatusCode.Unimplemented)]
    [InlineData("says 1 MiB and 64 KiB and one byte", Encrypt, "00001100010a0141", StatusCode.ResourceExhausted)]
    [InlineData("says 2 GiB", Encrypt, "00800000000a0141", StatusCode.ResourceExhausted)]
    [InlineData("says 4 GiB", Encrypt, "00ffffffff0a0141", StatusCode.ResourceExhausted)]
    [InlineData("malformed message", Encrypt, "00000000020a41", StatusCode.InvalidArgument)]
    [InlineData("unknown method", "/v2.KeyManagementService/Export", Good, StatusCode.Unimplemented)]
    [InlineData("unknown service", "/v3.KeyManagementService/Encrypt", Good, StatusCode.Unimplemented)]
    [InlineData("method in lower case", "/v2.keymanagementservice/encrypt", Good, StatusCode.Unimplemented)]
    [InlineData("administration", "/cloister.enclave.v1.Admin/Wipe", "0000000000", StatusCode.Unimplemented)]
    [InlineData("reflection", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "0000000000", StatusCode.Unimplemented)]
    [InlineData("root", "/", Good, StatusCode.Unimplemented)]
    public async Task Each_body_has_one_status(string what, string path, string body, StatusCode expected)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        HttpClient client = server.Http();
        using HttpResponseMessage response = await client.SendAsync(Request(HttpMethod.Post, path, body, "application/grpc"), Stop);
        await response.Content.ReadAsByteArrayAsync(Stop);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal((what, (int)expected), (what, int.Parse(Assert.Single(response.TrailingHeaders.GetValues("grpc-status")))));
        Assert.Equal(expected != StatusCode.OK, response.TrailingHeaders.Contains("grpc-message"));

        // The same connection is still good.
        using HttpResponseMessage next = await client.SendAsync(Request(HttpMethod.Post, Encrypt, Good, "application/grpc"), Stop);
        byte[] answer = await next.Content.ReadAsByteArrayAsync(Stop);
        Assert.Equal(answer.Length - 5, (answer[3] << 8) | answer[4]);
        Assert.Equal(custody.Status.KeyId, EncryptResponse.Parser.ParseFrom(answer[5..]).KeyId);
    }

    [Theory]
    [InlineData("POST", "application/grpc", HttpStatusCode.OK)]
    [InlineData("POST", "application/grpc+proto", HttpStatusCode.OK)]
    [InlineData("POST", "APPLICATION/grpc", HttpStatusCode.OK)]
    [InlineData("POST", "application/grpc;x=y", HttpStatusCode.OK)]
    [InlineData("POST", "application/grpcweb", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("POST", "application/grpc-web", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("POST", "application/json", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("POST", null, HttpStatusCode.UnsupportedMediaType)]
    [InlineData("PUT", "application/grpc", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("OPTIONS", "application/grpc", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("DELETE", "application/grpc", HttpStatusCode.UnsupportedMediaType)]
    public async Task Only_POST_of_gRPC_is_answered(string method, string? contentType, HttpStatusCode expected)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        using HttpResponseMessage response = await server.Http().SendAsync(Request(new HttpMethod(method), Encrypt, Good, contentType), Stop);
        Assert.Equal(expected, response.StatusCode);
        Assert.Equal(expected == HttpStatusCode.OK ? 1 : 0, server.Counters.Encryptions);
    }

    [Fact]
    public async Task HTTP_1_is_not_spoken()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        using System.Net.Sockets.Socket socket = await server.ConnectAsync(Stop);
        await socket.SendAsync("POST /v2.KeyManagementService/Encrypt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc\r\n\r\n"u8.ToArray(), Stop);
        byte[] answer = new byte[4096];
        int length = 0;
        int got;
        while (length < answer.Length && (got = await socket.ReceiveAsync(answer.AsMemory(length), Stop)) > 0)
        {
            length += got;
        }

        Assert.DoesNotContain("200 OK", System.Text.Encoding.ASCII.GetString(answer, 0, length), StringComparison.Ordinal);
        Assert.Equal(0, server.Counters.Encryptions);
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string body, string? contentType)
    {
        ByteArrayContent content = new(Convert.FromHexString(body));
        content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        HttpRequestMessage request = new(method, path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TE.ParseAdd("trailers");
        return request;
    }
}
