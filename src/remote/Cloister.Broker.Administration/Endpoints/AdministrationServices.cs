using Cloister.Audit;
using Cloister.Broker.Administration.Forecasts;
using Cloister.Broker.Administration.Policies;
using Cloister.Broker.Administration.Recovery;
using Cloister.Broker.State;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>What the endpoints of administration act on. secrets: none itself.</summary>
public sealed record AdministrationServices
{
    /// <summary>Who may.</summary>
    public required AdministratorDirectory Administrators { get; init; }

    /// <summary>Until when their keys count.</summary>
    public required AdministratorKeys Keys { get; init; }

    /// <summary>Which acts take two.</summary>
    public required TwoPersonRule TwoPersons { get; init; }

    /// <summary>KEKs, policies and revocations.</summary>
    public required BrokerAdministration Acts { get; init; }

    /// <summary>Recovery shares of KEKs.</summary>
    public required KekRecovery Recovery { get; init; }

    /// <summary>Recovery shares of the authority's key.</summary>
    public required AuthorityRecovery AuthorityRecovery { get; init; }

    /// <summary>What a policy would have refused.</summary>
    public required PolicyDryRun DryRun { get; init; }

    /// <summary>Which enclaves will be refused.</summary>
    public required Forecaster Forecaster { get; init; }

    /// <summary>What the broker remembers.</summary>
    public required IBrokerState State { get; init; }

    /// <summary>The broker's authority, 32 hex digits.</summary>
    public required string Authority { get; init; }

    /// <summary>SubjectPublicKeyInfo of the authority's key of this moment.</summary>
    public required Func<byte[]> AuthorityPublicKey { get; init; }

    /// <summary>The same, who signs the audit log's checkpoints, and that the authority says so.</summary>
    public required Func<AuditAuthority> Audit { get; init; }

    /// <summary>How it is with checkpoints outside.</summary>
    public Func<IReadOnlyList<CheckpointDelivery>> CheckpointDeliveries { get; init; } = () => [];

    /// <summary>The authority as a root of TLS servers, DER.</summary>
    public required byte[] AuthorityCertificate { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }
}
