using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.Administration.Forecasts;
using Cloister.Broker.Administration.Policies;
using Cloister.Broker.Administration.Recovery;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Traces;
using Cloister.Broker.State;
using Cloister.Broker.WebConsole;
using Cloister.Broker.WebConsole.SignOn;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>The second listener, for administrators: mutual TLS with pinned keys (docs/broker-administration.md). Who they are can change while it listens.</summary>
internal sealed class AdminListener : IAsyncDisposable
{
    // Administrators are few; what they need of open files is in what the other listener leaves.
    private const int MaxConnections = 256;

    private readonly AdministratorDirectory _administrators;
    private readonly TwoPersonRule _rule;
    private readonly KekRecovery _recovery;
    private readonly BrokerLog _log;
    private readonly WebListener _listener;
    private SignOnConsole? _signOn;
    private WebListener? _signOnListener;

    private AdminListener(AdministratorDirectory administrators, TwoPersonRule rule, KekRecovery recovery, BrokerLog log, WebListener listener) =>
        (_administrators, _rule, _recovery, _log, _listener) = (administrators, rule, recovery, log, listener);

    /// <summary>The same of the console where people sign on; null: there is none.</summary>
    public string? SignOnAddress => _signOnListener?.Address;

    /// <summary><c>https://ADDRESS:PORT</c>.</summary>
    public string Address => _listener.Address;

    /// <summary>Listens.</summary>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<AdminListener> StartAsync(
        AdminSection section, IBrokerState state, BrokerKeys keys, BrokerAdministration acts, EvidenceVerification verification, Forecaster forecaster, ServerCertificate certificate,
        Func<IReadOnlyList<CheckpointDelivery>> deliveries, BrokerLog log, ILoggerFactory logs, TimeProvider clock, CancellationToken cancellation)
    {
        AdministratorDirectory administrators = new(PinsOf(section));
        TwoPersonRule rule = new(section.TwoPersons, administrators, state, clock);
        KekRecovery recovery = new(state, keys.Stores, keys.Authority.Id, keys.Authority, section.RestoreUnknown);
        AdministrationServices services = new()
        {
            Administrators = administrators,
            Keys = new AdministratorKeys(state, clock),
            TwoPersons = rule,
            Acts = acts,
            Recovery = recovery,
            AuthorityRecovery = new AuthorityRecovery(state, keys.Authority),
            DryRun = new PolicyDryRun(state, verification),
            Forecaster = forecaster,
            State = state,
            Authority = keys.Authority.Id,
            AuthorityPublicKey = () => keys.Authority.PublicKey,
            Audit = () => AuditAuthority(keys),
            CheckpointDeliveries = deliveries,
            AuthorityCertificate = keys.Authority.Gateways.MakeRoot(clock.GetUtcNow()),
            Time = clock,
        };
        RemoteCertificateValidationCallback accept = (_, shown, _, _) => administrators.Find(shown as X509Certificate2) is not null;
        WebListener listener = await WebListener.StartAsync(section.Listen, certificate.Options(accept), MaxConnections, logs, Map, cancellation);
        AdminListener made = new(administrators, rule, recovery, log, listener);
        made.Warn();
        if (section.SignOn is { } signOn)
        {
            try
            {
                await made.ListenForPeopleAsync(signOn, services, certificate, logs, cancellation);
            }
            catch
            {
                await made.DisposeAsync();
                throw;
            }
        }

        return made;

        void Map(WebApplication routes)
        {
            BrokerTraces.Use(routes, "administration", knowsCallers: true);
            AdministrationEndpoints.Map(routes, services);
            if (section.Console)
            {
                WebConsoleEndpoints.Map(routes, services);
            }
        }
    }

    private static AuditAuthority AuditAuthority(BrokerKeys keys)
    {
        string key = keys.Checkpoints.Key.ToString();
        return new AuditAuthority(keys.Authority.PublicKey, key, keys.Authority.SignCheckpointKey(AuditEncoding.CheckpointKeyMessage(key)));
    }

    /// <summary>
    /// Puts other administrators in charge, and another rule. Who is removed is out before it is in the audit log; nobody comes in, and the rule does not change, before it is.
    /// </summary>
    /// <param name="section">The section as it is now; null: there are no administrators any more.</param>
    /// <param name="logChange">Writes to the audit log.</param>
    public async Task ReplaceAsync(AdminSection? section, Func<Task> logChange)
    {
        (Administrator Administrator, string Pin)[] next = section is null ? [] : [.. PinsOf(section)];
        IReadOnlyDictionary<string, Administrator> present = _administrators.Keys;
        _administrators.Replace(next.Where(one => present.TryGetValue(one.Pin, out Administrator? same) && same == one.Administrator));
        _signOn?.Replace([]);
        await logChange();
        _rule.Replace(section?.TwoPersons ?? TwoPersonActs.All);
        _recovery.RestoreUnknown = section?.RestoreUnknown ?? false;
        _administrators.Replace(next);
        _signOn?.Replace(section?.SignOn?.Options.Roles ?? []);
        Warn();
    }

    /// <summary>Ends.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_signOnListener is not null)
        {
            await _signOnListener.DisposeAsync();
        }

        await _listener.DisposeAsync();
    }

    // No certificate is asked for there, and nothing but the console is there. The provider is asked when somebody signs on, not now.
    private async Task ListenForPeopleAsync(SignOnSection section, AdministrationServices services, ServerCertificate certificate, ILoggerFactory logs, CancellationToken cancellation)
    {
        SignOnConsole console = new(services, section.Options with { ClientSecret = section.ReadSecret() }, _log.SignOnFailed);
        _signOnListener = await WebListener.StartAsync(section.Listen, certificate.Options(), MaxConnections, logs, Map, cancellation, console.AddTo);
        _signOn = console;

        void Map(WebApplication routes)
        {
            BrokerTraces.Use(routes, "console", knowsCallers: false);
            console.Map(routes);
        }
    }

    private static IEnumerable<(Administrator Administrator, string Pin)> PinsOf(AdminSection section) =>
        section.Administrators.Select(one => (new Administrator(one.Name, one.Roles), one.Key));

    private void Warn()
    {
        if (_rule.Alone.Count > 0)
        {
            _log.OnePersonActs(string.Join(", ", _rule.Alone));
        }

        string[] nobody = [.. _rule.Acts.Except(TwoPersonActs.DefaultFor(_administrators.All))];
        if (nobody.Length > 0)
        {
            _log.NobodyApproves(string.Join(", ", nobody));
        }

        if (_recovery.RestoreUnknown)
        {
            _log.RestoresUnknown();
        }
    }
}
