using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;

namespace Cloister.Broker.WebConsole;

/// <summary>What every page shows: who asks, of which broker, and what was just done. Parts of pages get it from the page.</summary>
/// <param name="by">Who.</param>
/// <param name="services">The broker.</param>
/// <param name="path">The page.</param>
/// <param name="said">What was just done, a key of <see cref="Notice"/>; empty: nothing.</param>
/// <param name="keyEnds">Until when the key counts, if that is soon; empty: it is not.</param>
/// <param name="token">A token for a form that is sent to a path.</param>
public sealed class View(Administrator by, AdministrationServices services, string path, string said, string? keyEnds, Func<string, string> token)
{
    private static readonly Dictionary<string, string> Notices = new(StringComparer.Ordinal)
    {
        ["waits"] = "Nothing is done yet: another administrator has to approve this request.",
        ["approved"] = "Approved and done.",
        ["withdrawn"] = "The request is withdrawn.",
        ["rotated"] = "The next version is made.",
        ["enabled"] = "The version is enabled.",
        ["disabled"] = "The version is disabled.",
        ["destroy"] = "The destruction is ordered, and can be taken back until its time has come.",
        ["cancelled"] = "The order to destroy is taken back; the version is disabled.",
        ["policy"] = "The KEK has another policy.",
        ["set"] = "The policy is in force.",
        ["revoked"] = "Revoked: at once where enclaves watch, otherwise at their next renewal.",
        ["lifted"] = "The revocation is taken back.",
        ["unchanged"] = "It was so already: nothing is changed.",
    };

    /// <summary>Who asks.</summary>
    internal Administrator By { get; } = by;

    /// <summary>Their roles, as the configuration names them.</summary>
    internal string Roles { get; } = string.Join(", ", AdministratorRoles.NamesOf(by.Roles));

    /// <summary>The broker's authority.</summary>
    internal string Authority { get; } = services.Authority;

    /// <summary>The broker's clock.</summary>
    internal DateTimeOffset Now { get; } = services.Time.GetUtcNow();

    /// <summary>The page's path.</summary>
    internal string Path { get; } = path;

    /// <summary>What was just done; null: nothing.</summary>
    internal string? Notice { get; } = Notices.GetValueOrDefault(said);

    /// <summary>Until when the key counts, if that is soon.</summary>
    internal string? KeyEnds { get; } = string.IsNullOrEmpty(keyEnds) ? null : keyEnds;

    /// <summary>Whether they have a role. What they may do is for the act to say: this is for what a page offers.</summary>
    internal bool May(AdministratorRole role) => By.Roles.HasFlag(role);

    /// <summary>Whether an act takes two administrators.</summary>
    internal bool TakesTwo(string act) => services.TwoPersons.Acts.Contains(act);

    /// <summary>A token for a form.</summary>
    internal string Token(string action) => token(action);
}
