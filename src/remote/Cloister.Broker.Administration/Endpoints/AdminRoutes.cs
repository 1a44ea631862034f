using System.Text.Json;
using Cloister.AdminApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Maps routes that are answered with JSON.</summary>
internal sealed class AdminRoutes(IEndpointRouteBuilder routes, AdministratorRequests requests)
{
    internal void Get(string path, Func<AdminCall, Task> handle) => routes.MapGet(path, For(handle));

    internal void Post(string path, Func<AdminCall, Task> handle) => routes.MapPost(path, For(handle));

    internal void Put(string path, Func<AdminCall, Task> handle) => routes.MapPut(path, For(handle));

    internal void Delete(string path, Func<AdminCall, Task> handle) => routes.MapDelete(path, For(handle));

    /// <summary>Every other path.</summary>
    internal void Otherwise(string path) => routes.Map(path, For(_ => throw new AdministrationException("there is no such path", AdministrationFailure.NotFound)));

    private RequestDelegate For(Func<AdminCall, Task> handle) => requests.For((http, by) => handle(new AdminCall(http, by)), (http, _, error) =>
    {
        http.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(http.Response.Body, error, AdminJson.Default.AdminError, CancellationToken.None);
    });
}
