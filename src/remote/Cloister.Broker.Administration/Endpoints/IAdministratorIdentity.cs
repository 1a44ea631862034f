using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>How a listener knows who calls. Thread-safe.</summary>
public interface IAdministratorIdentity
{
    /// <summary>What somebody is told who is nobody here.</summary>
    string Unknown { get; }

    /// <summary>Who calls; null: nobody that is known.</summary>
    Task<Administrator?> FindAsync(HttpContext http);

    /// <summary>Whether who called still is who they were.</summary>
    bool IsStill(HttpContext http, Administrator known);

    /// <summary>Calls back when that can have changed, until the answer is disposed.</summary>
    IDisposable Watch(Action changed);

    /// <summary>Refuses who is known, and whose time is over.</summary>
    /// <exception cref="ExpiredAdministratorException">It is; the message says what to do.</exception>
    Task RequireInTimeAsync(HttpContext http, Administrator known);

    /// <summary>Shows somebody who is not known the way in.</summary>
    /// <returns>False: there is none, and nothing was answered.</returns>
    Task<bool> InviteAsync(HttpContext http);

    /// <summary>What a form is bound to: the key or the session of who calls, who is known.</summary>
    string HolderOf(HttpContext http);
}
