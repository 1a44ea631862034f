using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.WebConsole;
using Microsoft.AspNetCore.Builder;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>The console on the listener of administration.</summary>
internal sealed partial class AdministrationServer
{
    private static readonly string[] Persons = ["alice", "bob", "carol", "", "dora"];

    /// <summary>What the console acts on.</summary>
    internal AdministrationServices Services { get; private set; } = null!;

    /// <summary>The first certificate of a person.</summary>
    internal X509Certificate2 CertificateOf(string person) => _certificates[Array.IndexOf(Persons, person)];

    partial void MapMore(WebApplication host, AdministrationServices services)
    {
        Services = services;
        WebConsoleEndpoints.Map(host, services);
    }
}
