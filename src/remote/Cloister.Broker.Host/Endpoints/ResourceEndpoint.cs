using Cloister.Broker.Host.Serving;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Resource. secrets: answers with a KEK, encrypted to the attested key.</summary>
internal sealed class ResourceEndpoint(ResourceService resources, TokenGate tokens)
    : Endpoint(HttpMethods.Get, $"{KbsPaths.Resource}/{{repository}}/{{type}}/{{tag}}", isKbs: true)
{
    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        VerifiedToken token = await tokens.RequireAsync(http.Request, http.RequestAborted);
        await http.WriteAsync(
            await resources.ReleaseAsync(token, Segment(http, "repository"), Segment(http, "type"), Segment(http, "tag"), http.RequestAborted), KbsJson.Default.FlattenedJwe);
    }

    private static string Segment(HttpContext http, string name) => (string)http.Request.RouteValues[name]!;
}
