using System.Globalization;
using System.Text;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>The audit log as JSON lines.</summary>
internal sealed class AuditEndpoint(AdministrationServices services)
{
    internal void Map(AdminRoutes routes) => routes.Get(AdminPaths.Audit, async call =>
    {
        AccessActs.RequireAuditor(call.By);
        long from = 1;
        if (call.Query("from") is { } text && (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out from) || from < 1))
        {
            throw new AdministrationException("from is the number of an entry, 1 or more", AdministrationFailure.BadRequest);
        }

        // Asked before the answer begins: a database that is away is an error, not an empty log.
        await services.State.CheckAsync(call.Aborted);
        call.Http.Response.ContentType = "application/jsonl";
        await using StreamWriter output = new(call.Http.Response.Body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        await AuditExport.WriteAsync(services.State, output, services.Audit(), from, call.Aborted);
    });
}
