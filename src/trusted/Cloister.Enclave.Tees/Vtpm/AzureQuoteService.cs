using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

// To the one address of the machine's own metadata service, which is part of the paravisor's host: what it answers is a quote that others verify.
#pragma warning disable RS0030 // HttpClient

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// Azure's local service that has a TDREPORT quoted: POST /acc/tdquote. It sees no secret, and the guest compares what it answers with what it asked. secrets: none.
/// </summary>
internal static class AzureQuoteService
{
    /// <summary>Where it is.</summary>
    internal static readonly Uri Address = new("http://169.254.169.254/");

    private const int MaxAnswer = 128 * 1024;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    /// <summary>A quote of a TDREPORT.</summary>
    /// <exception cref="TeeException">There is none now.</exception>
    internal static byte[] Quote(Uri service, ReadOnlySpan<byte> tdReport)
    {
        using SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectTimeout = Timeout };
        using HttpClient http = new(handler) { Timeout = Timeout, MaxResponseContentBufferSize = MaxAnswer };
        using HttpRequestMessage request = new(HttpMethod.Post, new Uri(service, "acc/tdquote"));
        request.Content = new ByteArrayContent(Encoding.ASCII.GetBytes($$"""{"report":"{{Base64Url.EncodeToString(tdReport)}}"}"""));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            using HttpResponseMessage answer = http.Send(request);
            if (!answer.IsSuccessStatusCode)
            {
                throw Failed($"answered {(int)answer.StatusCode}");
            }

            using Stream body = answer.Content.ReadAsStream();
            using JsonDocument document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("quote", out JsonElement quote) && quote.ValueKind == JsonValueKind.String
                ? Base64Url.DecodeFromChars(quote.GetString())
                : throw Failed("answered something else than a quote");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            throw Failed("does not answer");
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw Failed("answered something else than a quote");
        }
    }

    private static TeeException Failed(string what) => new($"the local quote service ({Address}acc/tdquote) {what}: see whether the VM reaches its metadata service, and Azure's status", isPassing: true);
}
