using System.Text.Json.Nodes;
using Cloister.Broker.Administration;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Hosting;

/// <summary>What the audit log says of a broker's configuration: its digest, and who administers. secrets: none; pins are of public keys.</summary>
internal static class ConfigurationAudit
{
    /// <summary>A broker has started.</summary>
    /// <param name="version">Of the program.</param>
    /// <param name="configuration">What it runs with.</param>
    /// <param name="origin">Which audit log it found.</param>
    /// <param name="remembered">How many entries of it the broker remembers.</param>
    public static AuditEvent Started(string version, BrokerConfiguration configuration, string origin, long remembered) => new("broker.started", Describe(configuration, new JsonObject
    {
        ["version"] = version, ["host"] = Environment.MachineName, ["configuration"] = configuration.Digest, ["origin"] = origin, ["remembered"] = remembered,
    }));

    /// <summary>A broker has read its configuration again.</summary>
    public static AuditEvent Reloaded(string before, BrokerConfiguration after) => new("broker.reloaded", Describe(after, new JsonObject
    {
        ["oldDigest"] = before, ["newDigest"] = after.Digest, ["result"] = "done",
    }));

    /// <summary>A configuration that is not one: the one from before stays.</summary>
    public static AuditEvent NotReloaded(string before) => new("broker.reloaded", new JsonObject { ["oldDigest"] = before, ["result"] = "refused" });

    private static JsonObject Describe(BrokerConfiguration configuration, JsonObject details)
    {
        details["otherRoots"] = configuration.OtherRoots.Allows;
        details["restoreUnknown"] = configuration.Admin?.RestoreUnknown ?? false;
        details["twoPersons"] = new JsonArray([.. (configuration.Admin?.TwoPersons ?? []).Select(act => JsonValue.Create(act))]);
        details["administrators"] = new JsonArray([.. (configuration.Admin?.Administrators ?? []).Select(one => new JsonObject
        {
            ["name"] = one.Name, ["key"] = one.Key, ["roles"] = string.Join(' ', AdministratorRoles.NamesOf(one.Roles)),
        })]);
        if (configuration.Admin?.SignOn is { Options: var signOn })
        {
            details["signOn"] = new JsonObject
            {
                ["issuer"] = signOn.Issuer, ["clientId"] = signOn.ClientId, ["claim"] = signOn.RoleClaim,
                ["roles"] = new JsonArray([.. signOn.Roles.Select(one => new JsonObject { ["value"] = one.Value, ["gives"] = string.Join(' ', AdministratorRoles.NamesOf(one.Roles)) })]),
            };
        }

        return details;
    }
}
