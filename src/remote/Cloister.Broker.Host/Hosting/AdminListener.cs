using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.Administration.Policies;
using Cloister.Broker.Administration.Recovery;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>The second listener, for administrators: mutual TLS with pinned keys (docs/broker-administration.md).</summary>
internal static class AdminListener
{
    /// <summary>Listens.</summary>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static Task<WebListener> StartAsync(
        AdminSection section, IBrokerState state, BrokerKeys keys, BrokerAdministration acts, EvidenceVerification verification, ServerCertificate certificate,
        BrokerLog log, ILoggerFactory logs, TimeProvider clock, CancellationToken cancellation)
    {
        AdministratorDirectory administrators = new(section.Administrators.Select(one => (new Administrator(one.Name, one.Roles), one.Key)));
        TwoPersonRule rule = new(section.TwoPersons, administrators, state, clock);
        Warn(rule, administrators, section, log);
        AdministrationServices services = new()
        {
            Administrators = administrators,
            TwoPersons = rule,
            Acts = acts,
            Recovery = new KekRecovery(state, keys.Stores, keys.Authority.Id, section.RestoreUnknown),
            AuthorityRecovery = new AuthorityRecovery(state, keys.Authority),
            DryRun = new PolicyDryRun(state, verification),
            State = state,
            Authority = keys.Authority.Id,
            AuthorityPublicKey = keys.Authority.PublicKey,
            Audit = AuditAuthority(keys),
            AuthorityCertificate = keys.Authority.Gateways.MakeRoot(clock.GetUtcNow()),
            Time = clock,
        };
        RemoteCertificateValidationCallback accept = (_, shown, _, _) => administrators.Find(shown as X509Certificate2) is not null;
        return WebListener.StartAsync(section.Listen, certificate.Options(accept), logs, routes => AdministrationEndpoints.Map(routes, services), cancellation);
    }

    private static AuditAuthority AuditAuthority(BrokerKeys keys)
    {
        string key = keys.Checkpoints.Key.ToString();
        return new AuditAuthority(keys.Authority.PublicKey, key, keys.Authority.SignCheckpointKey(AuditEncoding.CheckpointKeyMessage(key)));
    }

    private static void Warn(TwoPersonRule rule, AdministratorDirectory administrators, AdminSection section, BrokerLog log)
    {
        if (rule.Alone.Count > 0)
        {
            log.OnePersonActs(string.Join(", ", rule.Alone));
        }

        string[] nobody = [.. rule.Acts.Except(TwoPersonActs.DefaultFor(administrators.All))];
        if (nobody.Length > 0)
        {
            log.NobodyApproves(string.Join(", ", nobody));
        }

        if (section.RestoreUnknown)
        {
            log.RestoresUnknown();
        }
    }
}
