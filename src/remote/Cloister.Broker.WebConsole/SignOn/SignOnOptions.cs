using Cloister.Broker.Administration;

namespace Cloister.Broker.WebConsole.SignOn;

/// <summary>How people sign on to the console at an OpenID provider (docs/console.md). secrets: the client's.</summary>
public sealed record SignOnOptions
{
    /// <summary>What browsers know the console by: https, a host and a port.</summary>
    public required Uri Url { get; init; }

    /// <summary>The provider, as its tokens name it.</summary>
    public required string Issuer { get; init; }

    /// <summary>What the provider knows the console by.</summary>
    public required string ClientId { get; init; }

    /// <summary>What the console shows the provider that it is; null: a public client, with PKCE alone.</summary>
    public string? ClientSecret { get; init; }

    /// <summary>Authorities of the provider's certificate, PEM; null: the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>The claim of the ID token that roles come from.</summary>
    public required string RoleClaim { get; init; }

    /// <summary>What its values give.</summary>
    public required IReadOnlyList<SignOnRole> Roles { get; init; }

    /// <summary>The longest that a session lasts.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(1);
}

/// <summary>What a value of the claim gives.</summary>
/// <param name="Value">The value.</param>
/// <param name="Roles">The roles; none: the person reads.</param>
public sealed record SignOnRole(string Value, AdministratorRole Roles);
