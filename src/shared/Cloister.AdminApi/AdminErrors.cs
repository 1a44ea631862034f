namespace Cloister.AdminApi;

/// <summary>An error.</summary>
/// <param name="Error">One of <see cref="AdminErrors"/>.</param>
/// <param name="Detail">What is wrong and what to do. No secrets.</param>
public sealed record AdminError(string Error, string Detail);

/// <summary>Names of errors. Source: docs/broker-administration.md, "Errors".</summary>
public static class AdminErrors
{
    /// <summary>400: the request is not well-formed.</summary>
    public const string BadRequest = "BadRequest";

    /// <summary>401: no administrator is known by this connection's key.</summary>
    public const string Unauthenticated = "Unauthenticated";

    /// <summary>403: the administrator lacks a role, which the detail names.</summary>
    public const string RoleRequired = "RoleRequired";

    /// <summary>403: a browser says that another site's page sent it.</summary>
    public const string CrossSite = "CrossSite";

    /// <summary>404: there is nothing of that name.</summary>
    public const string NotFound = "NotFound";

    /// <summary>409: the broker will not do that as things are.</summary>
    public const string Refused = "Refused";

    /// <summary>503: the database or the key store does not answer; what was asked may have been done.</summary>
    public const string Unavailable = "Unavailable";
}
