using System.Security.Cryptography;
using System.Text;
using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.WebConsole.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cloister.Broker.WebConsole;

/// <summary>
/// Maps pages and forms. Who asks is known before a page is made, every answer has the headers that keep a browser from doing anything but showing it, and a
/// form is taken only from a page that this console gave to the same key (<see cref="FormTokens"/>). secrets: the key of form tokens, in memory.
/// </summary>
internal sealed class ConsoleRoutes(IEndpointRouteBuilder routes, AdministrationServices services, IAdministratorIdentity identity)
{
    private const string Policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    private static readonly ServiceProvider NoServices = new ServiceCollection().BuildServiceProvider();

    private readonly AdministratorRequests _requests = new(identity);
    private readonly FormTokens _tokens = new();

    /// <summary>A page.</summary>
    internal void Page<T>(string path, Func<ConsoleCall, Task<object>> load)
        where T : IComponent =>
        routes.MapGet(WebConsoleEndpoints.Prefix + path, For(async call => await RenderAsync<T>(call, await load(call))));

    /// <summary>A form that is answered with a page, and changes nothing.</summary>
    internal void Look<T>(string path, Func<ConsoleCall, Task<object>> load)
        where T : IComponent =>
        routes.MapPost(WebConsoleEndpoints.Prefix + path, For(async call =>
        {
            await call.ReadFormAsync(_tokens);
            await RenderAsync<T>(call, await load(call));
        }));

    /// <summary>A form that acts, and leads to a page of the console.</summary>
    internal void Act(string path, Func<ConsoleCall, Task<string>> act) =>
        routes.MapPost(WebConsoleEndpoints.Prefix + path, For(async call =>
        {
            await call.ReadFormAsync(_tokens);
            call.Http.Response.Headers.Location = WebConsoleEndpoints.Prefix + await act(call);
            call.Http.Response.StatusCode = StatusCodes.Status303SeeOther;
        }));

    /// <summary>A page for anybody, which says nothing of the broker.</summary>
    internal void Open<T>(string path)
        where T : IComponent =>
        routes.MapGet(WebConsoleEndpoints.Prefix + path, async http =>
        {
            Restrain(http);
            await RenderAsync<T>(http, []);
        });

    /// <summary>A file that belongs to the pages; it is the same for everybody.</summary>
    internal void Asset(string path, string type)
    {
        using Stream stream = typeof(ConsoleRoutes).Assembly.GetManifestResourceStream(path[1..])!;
        using MemoryStream read = new();
        stream.CopyTo(read);
        byte[] content = read.ToArray();
        string tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content))}\"";
        routes.MapGet(WebConsoleEndpoints.Prefix + path, async http =>
        {
            Restrain(http);
            (http.Response.Headers.CacheControl, http.Response.Headers.ETag) = ("no-cache", tag);
            if (http.Request.Headers.IfNoneMatch == tag)
            {
                http.Response.StatusCode = StatusCodes.Status304NotModified;
                return;
            }

            await SendAsync(http, type, content);
        });
    }

    /// <summary>The prefix without a slash, and every other path.</summary>
    internal void Otherwise() => routes.Map(
        WebConsoleEndpoints.Prefix + "/{**path}", For(_ => throw new AdministrationException("there is no such page", AdministrationFailure.NotFound)));

    private RequestDelegate For(Func<ConsoleCall, Task> handle)
    {
        RequestDelegate guarded = _requests.For((http, by) => handle(new ConsoleCall(http, by, identity.HolderOf(http), services, _tokens)), RefuseAsync);
        return http =>
        {
            Restrain(http);
            return guarded(http);
        };
    }

    /// <summary>The headers that keep a browser from doing anything but showing the answer.</summary>
    internal static void Restrain(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers.CacheControl = "no-store";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    private static Task RenderAsync<T>(ConsoleCall call, object model)
        where T : IComponent =>
        RenderAsync<T>(call.Http, new Dictionary<string, object?> { ["View"] = call.View, ["Model"] = model });

    // Whoever is refused may be nobody: the page says no more than the error does.
    internal static Task RefuseAsync(HttpContext http, int status, AdminError error) =>
        RenderAsync<Refused>(http, new Dictionary<string, object?> { ["Status"] = status, ["Error"] = error });

    private static async Task RenderAsync<T>(HttpContext http, Dictionary<string, object?> parameters)
        where T : IComponent
    {
        await using HtmlRenderer renderer = new(NoServices, NullLoggerFactory.Instance);
        string html = await renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<T>(ParameterView.FromDictionary(parameters))).ToHtmlString());
        await SendAsync(http, "text/html; charset=utf-8", Encoding.UTF8.GetBytes(html));
    }

    private static Task SendAsync(HttpContext http, string type, byte[] content)
    {
        (http.Response.ContentType, http.Response.ContentLength) = (type, content.Length);
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.Body.WriteAsync(content, http.RequestAborted).AsTask();
    }
}
