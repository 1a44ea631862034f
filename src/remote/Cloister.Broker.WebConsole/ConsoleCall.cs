using System.Globalization;
using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;

namespace Cloister.Broker.WebConsole;

/// <summary>A request of an administrator to the console.</summary>
internal sealed class ConsoleCall
{
    private const string TokenField = "token";
    private const int MostFields = 16;

    private readonly string _holder;
    private IFormCollection? _form;

    internal ConsoleCall(HttpContext http, Administrator by, string holder, AdministrationServices services, FormTokens tokens)
    {
        (Http, By, _holder) = (http, by, holder);
        View = new View(by, services, http.Request.Path.Value!, Query("said"), http.Response.Headers[AdminPaths.KeyExpiresHeader], action => tokens.Make(_holder, action));
        if (Number("refresh") is { } seconds)
        {
            // Asked for by a link, and for one page.
            http.Response.Headers["Refresh"] = Math.Clamp(seconds, 5, 3600).ToString(CultureInfo.InvariantCulture);
        }
    }

    internal HttpContext Http { get; }

    internal Administrator By { get; }

    /// <summary>What every page shows.</summary>
    internal View View { get; }

    /// <summary>Ends when the caller goes away. For reading only.</summary>
    internal CancellationToken Aborted => Http.RequestAborted;

    /// <summary>A part of the path; empty: it has none.</summary>
    internal string Route(string name) => Http.GetRouteValue(name) as string ?? "";

    /// <summary>The version in the path; the route takes numbers only.</summary>
    internal int Version => int.TryParse(Route("version"), CultureInfo.InvariantCulture, out int version) ? version : 0;

    /// <summary>A part of the query; empty: it is not there.</summary>
    internal string Query(string name) => Http.Request.Query.TryGetValue(name, out StringValues values) ? values.ToString().Trim() : "";

    /// <summary>The same, null instead of empty.</summary>
    internal string? Filter(string name) => Query(name) is { Length: > 0 } text ? text : null;

    /// <summary>The same as a number that is not negative; null: it is none.</summary>
    internal long? Number(string name) => long.TryParse(Query(name), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    /// <summary>A field of the form; empty: it is not there. Lines end as they do in files, which browsers change.</summary>
    internal string Field(string name) => _form?[name].ToString().ReplaceLineEndings("\n") ?? "";

    /// <summary>Reads the form, and refuses one that is not of this console's page for this key and act.</summary>
    /// <exception cref="AdministrationException">It is not, or is no form.</exception>
    internal async Task ReadFormAsync(FormTokens tokens)
    {
        if (!BrowserRequests.IsSameOrigin(Http.Request))
        {
            throw new AdministrationException(
                "the browser does not say that this console's page sent the form (Sec-Fetch-Site, Origin): nothing was done. For programs there is /admin/v1", AdministrationFailure.BadRequest);
        }

        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = AdminPaths.MaxBodySize;
        }

        try
        {
            if (!Http.Request.HasFormContentType)
            {
                throw new AdministrationException("that is no form", AdministrationFailure.BadRequest);
            }

            FormOptions options = new() { ValueCountLimit = MostFields, KeyLengthLimit = 64, ValueLengthLimit = AdminPaths.MaxBodySize, BufferBody = false };
            _form = await Http.Request.ReadFormAsync(options, Aborted);
        }
        catch (Exception e) when (e is BadHttpRequestException or InvalidDataException or IOException)
        {
            throw new AdministrationException($"the form is longer than {AdminPaths.MaxBodySize} bytes, has too many fields, or was cut off", AdministrationFailure.BadRequest);
        }

        // As it was understood: a path as a text would be escaped, in another way than links are.
        tokens.Require(_holder, Http.Request.Path.Value!, Field(TokenField));
    }
}
