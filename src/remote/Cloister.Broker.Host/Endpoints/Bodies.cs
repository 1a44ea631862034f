using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.Broker.Host.Serving;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Reads and writes JSON bodies. secrets: bodies may hold keys; none of their bytes are in an error.</summary>
internal static class Bodies
{
    // Besides the least rate that the server asks for: a body must have come after this time.
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(15);

    /// <summary>The body of a request.</summary>
    /// <exception cref="ProtocolException">Too long, too slow, or not the JSON that is expected.</exception>
    public static async Task<T> ReadAsync<T>(this HttpContext http, JsonTypeInfo<T> type)
        where T : class
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(ReadTimeout);
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, type, limit.Token) ?? throw Bad("is null");
        }
        catch (JsonException)
        {
            throw Bad("is not the JSON that this route expects: a member is missing, twice there, or of another kind");
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw Bad($"has more than {Kbs.KbsPaths.MaxBodySize} bytes");
        }
        catch (Exception e) when (e is BadHttpRequestException || (e is OperationCanceledException && !http.RequestAborted.IsCancellationRequested))
        {
            throw Bad("came too slowly, or not to its end");
        }
    }

    /// <summary>Answers with JSON.</summary>
    public static async Task WriteAsync<T>(this HttpContext http, T answer, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(answer, type);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    private static ProtocolException Bad(string problem) => new(ProtocolError.BadRequest, $"the body {problem}");
}
