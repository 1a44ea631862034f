using System.Net;
using Cloister.Broker.Administration;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Who may administer the broker, and where.</summary>
/// <param name="Listen">Address; port 0: any.</param>
/// <param name="Administrators">Everybody who may.</param>
/// <param name="TwoPersons">Acts that take two persons, of <see cref="TwoPersonActs"/>.</param>
/// <param name="RestoreUnknown">Whether KEK versions are restored that the database has no record of.</param>
/// <param name="Console">Whether the console is served there too.</param>
/// <param name="SignOn">Where and how people sign on to the console without a certificate; null: they do not.</param>
internal sealed record AdminSection(
    IPEndPoint Listen, IReadOnlyList<PinnedAdministrator> Administrators, IReadOnlyList<string> TwoPersons, bool RestoreUnknown, bool Console, SignOnSection? SignOn);

/// <summary>An administrator, known by the key of a client certificate. One with several keys is here once for each.</summary>
/// <param name="Name">For the audit log.</param>
/// <param name="Key"><c>sha256:</c> and base64 of SHA-256 of the SubjectPublicKeyInfo.</param>
/// <param name="Roles">What they may do.</param>
internal sealed record PinnedAdministrator(string Name, string Key, AdministratorRole Roles);
