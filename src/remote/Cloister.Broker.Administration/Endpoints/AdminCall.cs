using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>A request of an administrator who is known.</summary>
/// <param name="Http">The request.</param>
/// <param name="By">Who.</param>
internal sealed record AdminCall(HttpContext Http, Administrator By)
{
    /// <summary>Ends when the caller goes away. For reading only: what is begun is done and logged.</summary>
    internal CancellationToken Aborted => Http.RequestAborted;

    /// <summary>A part of the path.</summary>
    internal string Name => Http.GetRouteValue("name") as string ?? "";

    /// <summary>The version in the path; the route takes numbers only.</summary>
    internal int Version => int.TryParse(Http.GetRouteValue("version") as string, CultureInfo.InvariantCulture, out int version) ? version : 0;

    /// <summary>A part of the query, or null.</summary>
    internal string? Query(string name) => Http.Request.Query.TryGetValue(name, out Microsoft.Extensions.Primitives.StringValues values) ? values.ToString() : null;

    /// <summary>Whether something was sent.</summary>
    internal bool HasBody => Http.Request.ContentLength is not (null or 0) || Http.Request.Headers.TransferEncoding.Count > 0;

    /// <exception cref="AdministrationException">Bad request: it is not that message.</exception>
    internal async Task<T> ReadAsync<T>(JsonTypeInfo<T> type)
        where T : class
    {
        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = AdminPaths.MaxBodySize;
        }

        try
        {
            return await JsonSerializer.DeserializeAsync(Http.Request.Body, type, Aborted) ?? throw Bad("it is null");
        }
        catch (JsonException e)
        {
            // Its message quotes names of members and places, no values.
            throw Bad($"at {e.Path ?? "$"}, line {(e.LineNumber ?? 0) + 1}");
        }
        catch (BadHttpRequestException)
        {
            throw Bad($"it is longer than {AdminPaths.MaxBodySize} bytes, or was cut off");
        }

        static AdministrationException Bad(string what) =>
            new($"the body is not the message that this path takes: {what} (docs/broker-administration.md)", AdministrationFailure.BadRequest);
    }

    /// <summary>Answers with what was done, or with the request that waits.</summary>
    internal Task AnswerAsync<T>(Outcome<T> outcome, JsonTypeInfo<T> type)
        where T : class => outcome.Waiting is { } waiting
        ? AnswerAsync(waiting, AdminJson.Default.PendingRequest, StatusCodes.Status202Accepted)
        : AnswerAsync(outcome.Done!, type);

    internal Task AnswerAsync<T>(T message, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        Http.Response.StatusCode = status;
        Http.Response.ContentType = "application/json";
        Http.Response.Headers.CacheControl = "no-store";
        return JsonSerializer.SerializeAsync(Http.Response.Body, message, type, CancellationToken.None);
    }
}
